/// Which hidden units of a network may be renumbered, and every place where a unit's number appears.
///
/// Exchanging two channels of a layer changes nothing that the network computes if everything that makes them and everything
/// that reads them is exchanged too. A *group* is a set of units that are renumbered together: the channels between two
/// convolutions, those of a whole residual stream, the hidden units of an MLP.
public struct PermutationSpecification: Sendable {
  public struct Group: Sendable, Hashable {
    public let name: String
    public let size: Int
  }

  /// One of a group's units.
  struct Unit: Hashable {
    let group: Int
    let index: Int
  }

  /// What an axis of a tensor is numbered by: a unit at each position. A unit may stand at several positions.
  struct Axis {
    let tensor: String
    /// 0 or 1.
    let dimension: Int
    let units: [Unit]
    /// Of each position: the how many-th of its unit, from 0.
    let turns: [Int]
    /// Of each group along the axis: positions of its units, as many of each.
    let positions: [Int: [[Int]]]

    init(tensor: String, dimension: Int, units: [Unit], groups: [Group]) {
      var (turns, positions): ([Int], [Int: [[Int]]]) = ([], [:])
      for (position, unit) in units.enumerated() {
        let empty = [[Int]](repeating: [], count: groups[unit.group].size)
        turns.append(positions[unit.group, default: empty][unit.index].count)
        positions[unit.group, default: empty][unit.index].append(position)
      }
      self.tensor = tensor
      self.dimension = dimension
      self.units = units
      self.turns = turns
      self.positions = positions
    }

    /// From where each position takes its values when units are renumbered: unit `u` of the result is unit `permutations[group][u]` of
    /// the source. nil where nothing moves.
    func sources(_ permutations: [[Int]]) -> [Int]? {
      guard units.contains(where: { permutations[$0.group][$0.index] != $0.index }) else { return nil }
      return zip(units, turns).map { unit, turn in
        positions[unit.group]![permutations[unit.group][unit.index]][turn]
      }
    }
  }

  /// Groups of one attention: the dimensions of its heads, of queries and keys and of values. Heads move as blocks.
  struct Heads {
    let count: Int
    let queryKey: Int
    let value: Int
  }

  /// `ResNet`, `ViT`.
  public let architecture: String
  public private(set) var groups: [Group] = []
  private(set) var axes: [Axis] = []
  private(set) var heads: [Heads] = []
  /// Shapes by name.
  let shapes: [String: [Int]]

  init(architecture: String, shapes: [String: [Int]]) {
    self.architecture = architecture
    self.shapes = shapes
  }

  /// Units in all groups.
  public var unitCount: Int { groups.reduce(0) { $0 + $1.size } }

  // MARK: Building

  mutating func addGroup(_ name: String, size: Int) -> [Unit] {
    groups.append(Group(name: name, size: size))
    return (0..<size).map { Unit(group: groups.count - 1, index: $0) }
  }

  mutating func addHeads(_ count: Int, queryKey: [Unit], value: [Unit]) {
    heads.append(Heads(count: count, queryKey: queryKey[0].group, value: value[0].group))
  }

  /// Says that an axis is numbered by these units, where the tensor exists. Units may stand for runs of positions of equal
  /// length, as a channel for its pixels after a flattening.
  mutating func number(_ tensor: String, _ dimension: Int, by units: [Unit], _ problems: inout [String]) {
    guard let shape = shapes[tensor] else { return }
    guard shape.count > dimension, !units.isEmpty, shape[dimension].isMultiple(of: units.count),
      shape[dimension] == units.count || dimension == 1
    else {
      problems.append("'\(tensor)' has shape \(shape), expected \(units.count) along axis \(dimension)")
      return
    }
    let run = shape[dimension] / units.count
    axes.append(
      Axis(
        tensor: tensor, dimension: dimension,
        units: run == 1 ? units : units.flatMap { Array(repeating: $0, count: run) }, groups: groups))
  }
}

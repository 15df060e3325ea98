import SoupTensors

/// A numbering of all hidden units of a network.
public struct Permutations: Sendable, Hashable {
  /// For each group of the specification: unit `u` of the result is unit `order[u]` of the source.
  public var orders: [[Int]]

  /// The one that leaves everything in its place.
  public init(identityOf specification: PermutationSpecification) {
    orders = specification.groups.map { Array(0..<$0.size) }
  }

  /// - Throws: `AlignmentError.Code.badPermutation` if one is none, or tears heads apart.
  public init(_ orders: [[Int]], of specification: PermutationSpecification) throws(AlignmentError) {
    self.orders = orders
    guard orders.count == specification.groups.count else {
      throw AlignmentError(.badPermutation, "\(orders.count) permutations for \(specification.groups.count) groups")
    }
    var problems = zip(specification.groups, orders).compactMap { group, order in
      order.sorted() == Array(0..<group.size)
        ? nil : "\(group.name) needs every number from 0 to \(group.size - 1) once"
    }
    if problems.isEmpty {
      for heads in specification.heads {
        let size = orders[heads.queryKey].count / heads.count
        func blocks(_ order: [Int]) -> [Set<Int>] {
          stride(from: 0, to: order.count, by: size).map { start in Set(order[start..<start + size].map { $0 / size }) }
        }
        let (queryKey, value) = (blocks(orders[heads.queryKey]), blocks(orders[heads.value]))
        if queryKey != value || queryKey.contains(where: { $0.count != 1 }) {
          problems.append("\(specification.groups[heads.queryKey].name) and values need whole heads, the same for both")
        }
      }
    }
    guard problems.isEmpty else {
      throw AlignmentError(.badPermutation, "these permutations do not fit the network:", problems)
    }
  }

  /// Units that change their place.
  public var moved: Int { orders.reduce(0) { $0 + $1.enumerated().count { $0 != $1 } } }

  /// The network with its units in the new order: the same function, every value the same bits in another place.
  ///
  /// Tensors that nothing moves in share the source's memory; metadata stay.
  public func callAsFunction(_ weights: StateDict, _ specification: PermutationSpecification) throws -> StateDict {
    var sources: [String: [[Int]?]] = [:]
    for axis in specification.axes {
      sources[axis.tensor, default: [nil, nil]][axis.dimension] = axis.sources(orders)
    }
    var result = weights
    for (name, tensor) in weights {
      guard let order = sources[name], order.contains(where: { $0 != nil }) else { continue }
      result[name] = try Self.reordered(tensor, rows: order[0], columns: order[1])
    }
    return result
  }

  /// A tensor `[rows, columns, …]` with other rows, columns or both.
  private static func reordered(_ tensor: HostTensor, rows: [Int]?, columns: [Int]?) throws -> HostTensor {
    let (count, width) = (tensor.shape[0], tensor.shape.count > 1 ? tensor.shape[1] : 1)
    let item = tensor.byteCount / max(count * width, 1)
    return try HostTensor(dtype: tensor.dtype, shape: tensor.shape) { target in
      guard let target = target.baseAddress, item > 0 else { return }
      tensor.withUnsafeBytes { source in
        let source = source.baseAddress!
        for row in 0..<count {
          let from = source + (rows?[row] ?? row) * width * item
          let to = target + row * width * item
          guard let columns else {
            to.copyMemory(from: from, byteCount: width * item)
            continue
          }
          for column in 0..<width {
            (to + column * item).copyMemory(from: from + columns[column] * item, byteCount: item)
          }
        }
      }
    }
  }
}

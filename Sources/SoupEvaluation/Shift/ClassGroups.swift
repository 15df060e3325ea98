import Foundation

/// Classes put together, as LAION-C asks: a model of 1,000 classes is scored on 16 that people can name.
///
/// The probability of a group is the mean, not the sum, of its members' (a group with more members gains nothing by that), and the
/// largest is the prediction. A class may be in no group; its images are then left out.
/// - Source: Li et al., 2025, LAION-C; Geirhos et al., 2018, arXiv:1808.08750.
public struct ClassGroups: Sendable, Hashable {
  public let names: [String]
  /// Class indices of each group.
  public let members: [[Int]]
  private let groupOfClass: [Int: Int]

  /// - Precondition: as many names as groups, none of them empty, and no class in two.
  public init(names: [String], members: [[Int]]) {
    precondition(names.count == members.count && members.allSatisfy { !$0.isEmpty })
    self.names = names
    self.members = members
    groupOfClass = Dictionary(
      uniqueKeysWithValues: members.enumerated().flatMap { group, classes in classes.map { ($0, group) } })
  }

  public var count: Int { names.count }

  /// The group of a class; nil if it is in none.
  public subscript(label: Int) -> Int? { groupOfClass[label] }

  /// Logarithms of the groups' mean probabilities, to be read as logits of the groups.
  /// - Parameter row: logits of all classes. One that is not finite makes every group NaN.
  func logits(_ row: ArraySlice<Float>) -> [Float] {
    guard row.allSatisfy(\.isFinite), let highest = row.max() else {
      return Array(repeating: .nan, count: count)
    }
    return members.map { members in
      let sum = members.reduce(0.0) { $0 + exp(Double(row[row.startIndex + $1]) - Double(highest)) }
      // A probability of zero would be -∞, which counts as broken.
      return Float(log(max(sum / Double(members.count), 1e-300)))
    }
  }
}

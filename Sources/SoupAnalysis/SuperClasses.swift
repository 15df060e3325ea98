#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Groups of classes that count as one: LAION-C asks for one of 16 superclasses made of 285 of ImageNet's classes.
///
/// A superclass has the mean, not the sum, of its members' probabilities (more members gain it nothing), and the largest wins.
/// A class may be in no group; its images are then left out. The lists are the user's: a JSON object
/// `{"dog": [151, 152], …}` or lines `151,dog` (a header line and lines beginning with # are passed over).
/// - Source: Li et al., LAION-C, 2025.
public struct SuperClasses: Sendable, Hashable {
  /// Names, in the order of the file; in JSON alphabetical.
  public let names: [String]
  /// Member classes of each.
  public let members: [[Int]]
  /// How many classes the classifier has.
  public let classCount: Int
  private let groupOfClass: [Int: Int]

  /// - Throws: `AnalysisError.range` naming every class that does not exist or is in two groups; `.tooFew` without two
  ///   groups or with an empty one.
  public init(_ groups: [(name: String, members: [Int])], classCount: Int) throws(AnalysisError) {
    guard groups.count >= 2, groups.allSatisfy({ !$0.members.isEmpty }) else {
      throw AnalysisError(.tooFew, "superclasses need at least two groups, none of them empty")
    }
    let all = groups.flatMap(\.members)
    let outside = all.filter { $0 < 0 || $0 >= classCount }
    var seen: Set<Int> = []
    let twice = all.filter { !seen.insert($0).inserted }
    guard outside.isEmpty, twice.isEmpty else {
      let problems =
        outside.map { "\($0) is not a class (0 to \(classCount - 1))" } + twice.map { "\($0) is in two groups" }
      throw AnalysisError(.range, "superclasses: " + problems.joined(separator: ", "))
    }
    names = groups.map(\.name)
    members = groups.map(\.members)
    self.classCount = classCount
    groupOfClass = Dictionary(
      uniqueKeysWithValues: groups.enumerated().flatMap { index, group in group.members.map { ($0, index) } })
  }

  /// Reads a mapping; JSON if it begins with `{`.
  /// - Throws: `AnalysisError`, naming the line that is not understood.
  public init(parsing text: String, classCount: Int = 1000) throws(AnalysisError) {
    if text.drop(while: \.isWhitespace).first == "{" {
      let groups: [String: [Int]]
      do {
        groups = try JSONDecoder().decode([String: [Int]].self, from: Data(text.utf8))
      } catch {
        throw AnalysisError(.range, "superclasses: the JSON is not an object of lists of class numbers")
      }
      try self.init(groups.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }, classCount: classCount)
      return
    }
    var groups: [(name: String, members: [Int])] = []
    for (number, line) in text.split(whereSeparator: \.isNewline).enumerated() where !line.hasPrefix("#") {
      let parts = line.split(separator: ",", maxSplits: 1).map(Self.trimmed)
      guard parts.count == 2, let member = Int(parts[0]) else {
        if number == 0, parts.count == 2 { continue }
        throw AnalysisError(.range, "superclasses: '\(line)' is not a class number, a comma and a name")
      }
      if let index = groups.firstIndex(where: { $0.name == parts[1] }) {
        groups[index].members.append(member)
      } else {
        groups.append((parts[1], [member]))
      }
    }
    try self.init(groups, classCount: classCount)
  }

  public var count: Int { names.count }

  /// The group of a class; nil if it is in none.
  public subscript(label: Int) -> Int? { groupOfClass[label] }

  /// Logarithms of the groups' mean probabilities, to be read as logits of the groups.
  /// - Parameter classes: logits of all classes. One that is not finite makes every group NaN.
  /// - Precondition: one logit a class.
  public func logits(of classes: ArraySlice<Float>) -> [Float] {
    precondition(classes.count == classCount, "one logit a class")
    guard classes.allSatisfy(\.isFinite), let highest = classes.max() else {
      return Array(repeating: .nan, count: count)
    }
    return members.map { members in
      let sum = members.reduce(0.0) { $0 + exp(Double(classes[classes.startIndex + $1]) - Double(highest)) }
      // A probability of zero would be -∞, which counts as broken.
      return Float(log(max(sum / Double(members.count), 1e-300)))
    }
  }

  private static func trimmed(_ text: Substring) -> String {
    var text = text.drop(while: \.isWhitespace)
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }

  /// The mean probability of each superclass.
  /// - Precondition: one probability a class.
  public func probabilities(of classes: some Collection<Float>) -> [Float] {
    precondition(classes.count == classCount, "one probability a class")
    let values = Array(classes)
    return members.map { group in group.reduce(Float(0)) { $0 + values[$1] } / Float(group.count) }
  }

  /// The superclass with the largest mean probability; the first of equals.
  public func prediction(of classes: some Collection<Float>) -> Int {
    let means = probabilities(of: classes)
    return means.indices.max { means[$0] < means[$1] || (means[$0] == means[$1] && $0 > $1) } ?? 0
  }
}

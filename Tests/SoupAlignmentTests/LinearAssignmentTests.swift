import Foundation
import SoupAlignment
import Testing

/// `Tools/reference_alignment.py`: what scipy's `linear_sum_assignment` finds.
private struct Reference: Decodable {
  struct Case: Decodable {
    let kind: String
    let n: Int
    let seed: UInt64
    let largest: Double
    let columns: [Int]?

    func matrix() -> [Double] {
      var state = seed
      return (0..<n * n).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let top = Double(state >> 33)
        switch kind {
        case "ties": return Double((state >> 33) % 5)
        case "large":
          let square = top / 0x1p31 * (top / 0x1p31)
          return square * square * (square * square) * 1e6
        default: return top / 0x1p31 - 0.5
        }
      }
    }
  }

  let cases: [Case]

  static func load() throws -> Reference {
    let path = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "../Fixtures/alignment/assignments.json")
    return try JSONDecoder().decode(Reference.self, from: Data(contentsOf: path))
  }
}

@Suite struct LinearAssignmentTests {
  @Test func findsWhatScipyFinds() throws {
    for reference in try Reference.load().cases {
      let values = reference.matrix()
      let columns = LinearAssignment.maximizing(values, count: reference.n)
      #expect(columns.sorted() == Array(0..<reference.n))
      let sum = columns.enumerated().reduce(0) { $0 + values[$1.offset * reference.n + $1.element] }
      #expect(
        abs(sum - reference.largest) <= 1e-12 * max(1, abs(reference.largest)), "\(reference.kind) \(reference.n)")
      if let expected = reference.columns { #expect(columns == expected) }
    }
  }

  /// A number added to all of a row or a column changes every assignment's sum alike, so not the best one.
  @Test func rowsAndColumnsMayBeShifted() throws {
    let reference = try #require(try Reference.load().cases.first { $0.kind == "uniform" && $0.n == 40 })
    let values = reference.matrix()
    let shifted = values.enumerated().map { $1 + Double($0 / 40) * 3 - Double($0 % 40) * 7 }
    #expect(
      LinearAssignment.maximizing(shifted, count: 40) == LinearAssignment.maximizing(values, count: 40))
  }

  @Test func emptyAndEqual() {
    #expect(LinearAssignment.maximizing([], count: 0) == [])
    let equal = LinearAssignment.maximizing([Double](repeating: 1, count: 81), count: 9)
    #expect(equal.sorted() == Array(0..<9))
  }
}

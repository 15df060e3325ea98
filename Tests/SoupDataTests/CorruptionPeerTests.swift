import Foundation
import SoupData
import Testing

/// What `imagecorruptions`, and the benchmark's construction written in Python, make of one photograph with random numbers
/// that were written down: `Tools/check_corruptions.py --fixtures Tests/Fixtures/corruptions`.
@Suite struct CorruptionPeerTests {
  struct Case: CustomTestStringConvertible {
    let kind: CorruptionKind
    let severity: Int
    let table: CorruptionTable
    let image: [UInt8]
    let expected: [UInt8]
    let numbers: [UInt8]

    var testDescription: String { "\(kind.rawValue) \(severity), table \(table.rawValue)" }
  }

  static let cases: [Case] = {
    let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "Fixtures/corruptions/peer.bin")
    guard let data = try? Data(contentsOf: path) else { return [] }
    let bytes = [UInt8](data)
    var at = 0
    func take(_ count: Int) -> [UInt8] {
      defer { at += count }
      return Array(bytes[at..<at + count])
    }
    var image: [UInt8] = []
    var cases: [Case] = []
    while at < bytes.count {
      let end = bytes[at...].firstIndex(of: 10)!
      let words = String(decoding: bytes[at..<end], as: UTF8.self).split(separator: " ").map(String.init)
      at = end + 1
      let (expected, numbers) = (take(Int(words[3])!), take(Int(words[4])!))
      if words[0] == "image" {
        image = expected
      } else {
        cases.append(
          Case(
            kind: CorruptionKind(rawValue: words[0])!, severity: Int(words[1])!,
            table: CorruptionTable(rawValue: words[2])!, image: image, expected: expected, numbers: numbers))
      }
    }
    return cases
  }()

  @Test func thereAreCases() { #expect(Self.cases.count == 45) }

  @Test(arguments: cases)
  func theSameRandomNumbersGiveThePeersImage(_ item: Case) throws {
    var pixels = item.image
    var random = try RecordedRandomness(item.numbers)
    try pixels.withUnsafeMutableBufferPointer {
      try Corruption(item.kind, severity: item.severity, table: item.table)
        .apply(to: $0, height: 32, width: 32, channels: 3, random: &random)
    }
    let differences = zip(pixels, item.expected).map { abs(Int($0) - Int($1)) }
    let far = differences.count { $0 > 1 }
    // 99.9 % of 3072 values.
    #expect(far <= 3, "\(far) values differ by more than 1, by up to \(differences.max() ?? 0)")
    let changed = zip(item.image, item.expected).count { $0 != $1 }
    #expect(changed > 50)
  }
}

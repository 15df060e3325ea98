import Foundation
import SoupTraining
import Testing

@Suite struct CRC32CTests {
  static let vectors: [([UInt8], UInt32)] = [
    (Array("123456789".utf8), 0xE306_9283),
    (Array(repeating: 0, count: 32), 0x8A91_36AA),
    (Array(repeating: 0xFF, count: 32), 0x62A8_AB43),
    (Array(0...31), 0x46DD_794E),
    (Array((0...31).reversed()), 0x113F_DB5C),
  ]

  /// RFC 3720, appendix B.4, and the customary check value.
  @Test(arguments: vectors)
  func publishedVectors(bytes: [UInt8], expected: UInt32) {
    #expect(CRC32C.checksum(bytes) == expected)
  }
}

@Suite struct TensorBoardWriterTests {
  private func write(_ writer: TensorBoardWriter) throws {
    try writer.write(
      [("train/loss", 2.302585), ("train/learning_rate", 0.1)], step: 1,
      at: Date(timeIntervalSince1970: 1_700_000_001.5))
    try writer.write(
      [("held-out/top1", 0.875)], step: 123_456_789, at: Date(timeIntervalSince1970: 1_700_000_002.5))
  }

  /// The bytes that TensorBoard's own writer gives (`Tools/reference_training.py`).
  @Test func writesTheBytesThatTensorBoardWrites() throws {
    try withTemporaryFolder { folder in
      let writer = try TensorBoardWriter(folder: folder, now: Date(timeIntervalSince1970: 1_700_000_000.25))
      try write(writer)
      let bytes = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + TensorBoardWriter.fileName))
      let expected = try String(contentsOf: fixture("training/events.hex"), encoding: .utf8)
      #expect(bytes.map { String(format: "%02x", $0) }.joined() == expected)
      #expect(writer.byteCount == UInt64(bytes.count))
    }
  }

  @Test func continuesAfterTheBytesItIsToldToKeep() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/" + TensorBoardWriter.fileName
      let first = try TensorBoardWriter(folder: folder, now: Date(timeIntervalSince1970: 1_700_000_000.25))
      let kept = first.byteCount
      try first.write([("lost", 1)], step: 1)
      try write(TensorBoardWriter(folder: folder, keeping: kept))
      let expected = try String(contentsOf: fixture("training/events.hex"), encoding: .utf8)
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)).map { String(format: "%02x", $0) }.joined() == expected)
    }
  }
}

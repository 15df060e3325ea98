import Foundation
import SoupData
import Testing

/// The real files, against what NumPy and Python's zlib say of them.
@Suite struct FashionMNISTTests {
  /// The repository's folder; `make setup` puts the files into `data/` there.
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  static func load(_ part: DatasetSpecification.Part) throws -> MemoryDataset {
    try DatasetSpecification(.fashionMNIST).load(part, environment: [:], currentDirectory: root)
  }

  @Test(
    arguments: [
      (.train, 60_000, 6000, 0xa8c9_1d78, [9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0, 9]),
      (.test, 10_000, 1000, 0xd12e_98e2, [9, 2, 1, 1, 6, 1, 4, 6, 5, 7, 4, 5]),
    ] as [(DatasetSpecification.Part, Int, Int, UInt32, [Int])])
  func isReadExactly(
    part: DatasetSpecification.Part, count: Int, perClass: Int, checksum: UInt32, firstLabels: [Int]
  ) throws {
    let data = try Self.load(part)
    #expect(data.count == count)
    #expect((data.channels, data.height, data.width) == (1, 28, 28))
    #expect(data.classCounts == Array(repeating: perClass, count: 10))
    #expect(data.classNames[9] == "Ankle boot")
    #expect(data.checksum() == checksum)
    #expect((0..<12).map(data.label) == firstLabels)
  }

  @Test func normalizationIsThatOfTheTrainingPixels() throws {
    let data = try Self.load(.train)
    let measured = Normalization.measured(pixels: data.pixels.bytes.bindMemory(to: UInt8.self), channels: 1)
    #expect(abs(measured.mean[0] - 0.286040597) < 1e-7)
    #expect(abs(measured.deviation[0] - 0.353024245) < 1e-7)
    #expect(abs(measured.mean[0] - data.normalization.mean[0]) < 5e-5)
    #expect(abs(measured.deviation[0] - data.normalization.deviation[0]) < 5e-5)
  }

  /// Pixel sums of the first, second and last training image, by NumPy.
  @Test func imagesAreWhereTheyShouldBe() throws {
    let data = try Self.load(.train)
    let pixels = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: data.pixelCount)
    defer { pixels.deallocate() }
    let sums = [0, 1, 59_999].map { index in
      data.copyPixels(at: index, into: pixels)
      return pixels.reduce(0) { $0 + Int($1) }
    }
    #expect(sums == [76_247, 84_598, 16_684])
  }
}

import Foundation
import SoupData
import SoupTensors
import Testing

@Suite struct IDXTests {
  private static let pixels = (0..<105).map { UInt8($0 * 37 % 251) }

  private func bytes(_ tensor: HostTensor) -> [UInt8] { tensor.withUnsafeBytes { Array($0) } }

  private func header(_ magic: [UInt8], _ dimensions: [UInt32]) -> [UInt8] {
    magic + dimensions.flatMap { value in (0..<4).map { UInt8(value >> (24 - 8 * $0) & 0xff) } }
  }

  private func code(_ path: String, rank: Int = 3) -> DataError.Code? {
    do {
      _ = try IDX.read(path, rank: rank)
      return nil
    } catch {
      #expect(error.file == path)
      return error.code
    }
  }

  @Test(arguments: ["images.idx", "images.idx.gz", "two-members.idx.gz"])
  func readsPlainAndCompressed(name: String) throws {
    let tensor = try IDX.read(Reference.folder + "/" + name, rank: 3)
    #expect(tensor.shape == [7, 3, 5])
    #expect(tensor.dtype == .uint8)
    #expect(bytes(tensor) == Self.pixels)
  }

  @Test(arguments: ["images.idx", "images.idx.gz", "two-members.idx.gz"])
  func everyTruncationIsNoticed(name: String) throws {
    let folder = try TemporaryFolder()
    let whole = try Reference.bytes(name)
    for count in 0..<whole.count {
      let path = try folder.write(whole.prefix(count), to: "cut")
      let found = code(path)
      #expect(found == .wrongSize || found == .damaged, "cut to \(count) bytes")
    }
  }

  /// One flipped bit: an error, or (in gzip's own time stamp and flags) the same pixels. Never other pixels.
  @Test func noFlippedBitOfACompressedFileChangesPixels() throws {
    let folder = try TemporaryFolder()
    let whole = try Reference.bytes("images.idx.gz")
    var refused = 0
    for position in whole.indices {
      for bit in 0..<8 {
        var damaged = whole
        damaged[position] ^= 1 << bit
        let path = try folder.write(damaged, to: "damaged")
        do {
          #expect(try bytes(IDX.read(path, rank: 3)) == Self.pixels)
        } catch {
          refused += 1
        }
      }
    }
    #expect(refused > (whole.count - 10) * 8)
  }

  @Test func bytesAfterTheEndAreNoticed() throws {
    let folder = try TemporaryFolder()
    let plain = try folder.write(Reference.bytes("images.idx") + [0], to: "plain")
    #expect(code(plain) == .wrongSize)
    let compressed = try folder.write(Reference.bytes("images.idx.gz") + [7], to: "gz")
    #expect(code(compressed) == .damaged)
  }

  /// 32 MB behind a header that claims 105 bytes: decoding stops there.
  @Test func compressionBombIsStopped() throws {
    #expect(code(Reference.folder + "/bomb.idx.gz") == .wrongSize)
  }

  @Test(
    arguments: [
      [0xffff_ffff, 0xffff_ffff, 0xffff_ffff], [0x8000_0000, 28, 28], [60_000, 0xffff_ffff, 1], [1 << 31, 1 << 31, 4],
    ] as [[UInt32]])
  func absurdDimensionsAreRefusedBeforeAllocating(dimensions: [UInt32]) throws {
    let folder = try TemporaryFolder()
    let bytes = header([0, 0, 8, 3], dimensions) + Self.pixels
    #expect(try code(folder.write(bytes, to: "absurd")) == .wrongSize)
  }

  @Test(arguments: [[0, 0, 9, 3], [0, 0, 8, 1], [0, 0, 8, 4], [1, 0, 8, 3], [0x50, 0x4b, 3, 4]] as [[UInt8]])
  func otherMagicNumbersAreRefused(magic: [UInt8]) throws {
    let folder = try TemporaryFolder()
    #expect(try code(folder.write(header(magic, [7, 3, 5]) + Self.pixels, to: "magic")) == .damaged)
  }

  @Test func whatIsNotAFileIsRefused() throws {
    let folder = try TemporaryFolder()
    #expect(code(folder.path) == .unreadable)
    #expect(code(folder.path + "/nothing") == .notFound)
    let pipe = folder.path + "/pipe"
    #expect(mkfifo(pipe, 0o600) == 0)
    #expect(code(pipe) == .unreadable)
  }

  // MARK: Data sets of IDX files

  /// Three training and two test images of 2 × 2.
  private func writeDigits(
    _ folder: TemporaryFolder, labels: [UInt8] = [4, 0, 2], testLabels: [UInt8] = [1, 4], labelCount: UInt32? = nil
  ) throws {
    let images = UInt32(3)
    try folder.write(header([0, 0, 8, 3], [images, 2, 2]) + (0..<12), to: "train-images-idx3-ubyte")
    try folder.write(
      header([0, 0, 8, 1], [labelCount ?? UInt32(labels.count)]) + labels, to: "train-labels-idx1-ubyte")
    try folder.write(header([0, 0, 8, 3], [2, 2, 2]) + (50..<58), to: "t10k-images.idx3-ubyte")
    try folder.write(header([0, 0, 8, 1], [UInt32(testLabels.count)]) + testLabels, to: "t10k-labels.idx1-ubyte")
  }

  private func loadError(_ text: String, _ part: DatasetSpecification.Part = .train) -> DataError? {
    #expect(throws: DataError.self) { try DatasetSpecification(parsing: text).load(part) }
  }

  @Test func anyFolderOfIDXFilesIsADataset() throws {
    let folder = try TemporaryFolder()
    try writeDigits(folder)
    let specification = try DatasetSpecification(parsing: "idx:" + folder.path)
    let train = try specification.load(.train)
    let test = try specification.load(.test)
    #expect(train.labels == [4, 0, 2])
    #expect(test.labels == [1, 4])
    #expect(train.classNames == ["0", "1", "2", "3", "4"])
    #expect(test.classNames == train.classNames)
    #expect((train.height, train.width) == (2, 2))
    // Mean and deviation of 0…11 on the scale of bytes; the test part uses those of the training part.
    #expect(abs(train.normalization.mean[0] - 5.5 / 255) < 1e-7)
    #expect(abs(train.normalization.deviation[0] - Float((143.0 / 12).squareRoot() / 255)) < 1e-7)
    #expect(test.normalization == train.normalization)
  }

  @Test func aLabelOutsideTheClassesIsNamed() throws {
    let folder = try TemporaryFolder()
    try writeDigits(folder, labels: [4, 10, 2])
    let error = try #require(loadError("mnist:" + folder.path))
    #expect(error.code == .labelOutOfRange)
    #expect(error.file == folder.path + "/train-labels-idx1-ubyte")
    #expect(error.description.contains("image 1"))
    #expect(error.found == "10")
    try writeDigits(folder, testLabels: [1, 5])
    #expect(loadError("idx:" + folder.path, .test)?.code == .labelOutOfRange)
  }

  @Test func countsThatDisagreeAreNamed() throws {
    let folder = try TemporaryFolder()
    try writeDigits(folder, labels: [4, 0])
    let error = try #require(loadError("mnist:" + folder.path))
    #expect(error.code == .countMismatch)
    #expect(error.expected == "3")
    #expect(error.found == "2")
  }

  @Test func aMissingFileIsNamedWithHowToGetIt() throws {
    let folder = try TemporaryFolder()
    try writeDigits(folder)
    try FileManager.default.removeItem(atPath: folder.path + "/train-labels-idx1-ubyte")
    let error = try #require(loadError("fashion-mnist:" + folder.path))
    #expect(error.code == .notFound)
    #expect(error.expected == "train-labels-idx1-ubyte or train-labels-idx1-ubyte.gz")
    #expect(error.description.contains("make setup"))
  }
}

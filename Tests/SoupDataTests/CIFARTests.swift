import Foundation
import SoupData
import SoupTensors
import Testing

/// CIFAR's formats, from small files written here.
@Suite struct CIFARTests {
  private static let perFile = 4

  /// Byte `offset` of record `record` of file `file`.
  private static func pixel(_ file: Int, _ record: Int, _ offset: Int) -> UInt8 {
    UInt8(truncatingIfNeeded: file &* 101 &+ record &* 53 &+ offset &* 29)
  }

  private static func records(file: Int, labels: (Int) -> [UInt8]) -> [UInt8] {
    (0..<perFile).flatMap { record in labels(record) + (0..<3072).map { pixel(file, record, $0) } }
  }

  private func writeCIFAR10(_ folder: TemporaryFolder, inside: String = "") throws {
    for file in 0..<6 {
      let name = file < 5 ? "data_batch_\(file + 1).bin" : "test_batch.bin"
      try folder.write(Self.records(file: file) { [UInt8((file + $0) % 10)] }, to: inside + name)
    }
  }

  private func writeCIFAR100(_ folder: TemporaryFolder) throws {
    for (file, name) in ["train.bin", "test.bin"].enumerated() {
      try folder.write(Self.records(file: file) { [UInt8($0 + 16), UInt8(99 - $0)] }, to: name)
    }
  }

  private func load(
    _ kind: DatasetSpecification.Kind, _ part: DatasetSpecification.Part, _ folder: TemporaryFolder, perFile: Int? = 4
  ) throws -> MemoryDataset {
    try DatasetSpecification(kind, path: folder.path).load(
      part, environment: [:], currentDirectory: "/", cifarImagesPerFile: perFile)
  }

  @Test(arguments: ["", "cifar-10-batches-bin/"])
  func readsCIFAR10(inside: String) throws {
    let folder = try TemporaryFolder()
    try writeCIFAR10(folder, inside: inside)
    let train = try load(.cifar10, .train, folder)
    #expect(train.labels == (0..<5).flatMap { file in (0..<4).map { (file + $0) % 10 } })
    #expect((train.channels, train.height, train.width) == (3, 32, 32))
    #expect(train.classNames[1] == "automobile")
    #expect(train.normalization == .cifar10)
    #expect(try load(.cifar10, .test, folder).labels == [5, 6, 7, 8])
  }

  /// The files hold planes, and so do batches: what comes out is what the file has, over 255.
  @Test func planesArriveAsTheyAreInTheFile() throws {
    let folder = try TemporaryFolder()
    try writeCIFAR10(folder)
    let loader = try DataLoader(
      load(.cifar10, .train, folder), batchSize: 20, normalization: .none(channels: 3))
    let batch = try loader.contents(epoch: 0)[0]
    #expect(batch.shape == [20, 3, 32, 32])
    let expected = (0..<20).flatMap { image in
      (0..<3072).map { (Float(Self.pixel(image / 4, image % 4, $0)) / 255).bitPattern }
    }
    #expect(batch.images == expected)
  }

  @Test func readsFineAndCoarseLabelsOfCIFAR100() throws {
    let folder = try TemporaryFolder()
    try writeCIFAR100(folder)
    let fine = try load(.cifar100, .train, folder)
    #expect(fine.labels == [99, 98, 97, 96])
    #expect(fine.classCount == 100)
    #expect(fine.classNames[99] == "worm")
    let coarse = try load(.cifar100Coarse, .test, folder)
    #expect(coarse.labels == [16, 17, 18, 19])
    #expect(coarse.classCount == 20)
    #expect(coarse.classNames[19] == "vehicles_2")
  }

  @Test func namesInTheFolderWin() throws {
    let folder = try TemporaryFolder()
    try writeCIFAR10(folder)
    try folder.write("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n".utf8, to: "batches.meta.txt")
    #expect(try load(.cifar10, .test, folder).classNames == "abcdefghij".map(String.init))
    try folder.write("a\nb\n".utf8, to: "batches.meta.txt")
    #expect { try load(.cifar10, .test, folder) } throws: { ($0 as? DataError)?.code == .damaged }
  }

  @Test func officialSizesAreDemanded() throws {
    let folder = try TemporaryFolder()
    try writeCIFAR10(folder)
    let error = try #require(throws: DataError.self) { try load(.cifar10, .train, folder, perFile: nil) }
    #expect(error.code == .wrongSize)
    #expect(error.file == folder.path + "/data_batch_1.bin")
    #expect(error.expected == "30730000 bytes (10000 images)")
    #expect(error.found == "12292")
    #expect(error.description.contains("cifar-10-binary.tar.gz"))
    try writeCIFAR100(folder)
    let hundred = try #require(throws: DataError.self) { try load(.cifar100, .train, folder, perFile: nil) }
    #expect(hundred.expected == "153700000 bytes (50000 images)")
  }

  @Test func labelsOutsideTheClassesAreNamed() throws {
    let folder = try TemporaryFolder()
    try writeCIFAR10(folder)
    try folder.write(Self.records(file: 2) { [UInt8($0 == 3 ? 10 : 1)] }, to: "data_batch_3.bin")
    let error = try #require(throws: DataError.self) { try load(.cifar10, .train, folder) }
    #expect(error.code == .labelOutOfRange)
    #expect(error.file == folder.path + "/data_batch_3.bin")
    #expect(error.description.contains("image 3"))
  }

  @Test func everyMissingFileIsNamed() throws {
    let folder = try TemporaryFolder()
    try writeCIFAR10(folder)
    for number in [2, 4] { try FileManager.default.removeItem(atPath: folder.path + "/data_batch_\(number).bin") }
    let error = try #require(throws: DataError.self) { try load(.cifar10, .train, folder) }
    #expect(error.code == .notFound)
    #expect(error.expected == "data_batch_2.bin, data_batch_4.bin")
  }

  @Test func thePythonVersionIsRecognized() throws {
    let folder = try TemporaryFolder()
    try folder.write([0x80, 2], to: "data_batch_1")
    let error = try #require(throws: DataError.self) { try load(.cifar10, .train, folder) }
    #expect(error.found == "the Python version of the data set")
  }
}

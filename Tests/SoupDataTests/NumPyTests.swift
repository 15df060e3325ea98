import Foundation
import SoupData
import Testing

@Suite struct NumPyTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// As `numpy.save` writes it.
  static func npy(_ type: String, _ shape: String, _ content: [UInt8]) -> [UInt8] {
    var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': \(shape), }"
    header += String(repeating: " ", count: 63 - (10 + header.utf8.count) % 64) + "\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count % 256), UInt8(header.utf8.count / 256)]
      + Array(header.utf8) + content
  }

  private func open(_ text: String, _ part: DatasetSpecification.Part = .test) throws -> any ImageDataset {
    try DatasetSpecification(parsing: text).open(part, environment: [:], currentDirectory: folder.path)
  }

  @Test func headersAreRead() throws {
    let bytes = Self.npy("|u1", "(2, 3, 4)", Array(repeating: 1, count: 24))
    let array = try NPY(bytes, fileSize: bytes.count, name: "x")
    #expect(array.element == .uint8 && array.shape == [2, 3, 4] && array.offset == bytes.count - 24)
  }

  @Test func headersThatLieAreRefused() {
    let good = Self.npy("|u1", "(2, 3)", Array(repeating: 1, count: 6))
    func code(_ bytes: [UInt8]) -> DataError.Code? {
      do {
        _ = try NPY(bytes, fileSize: bytes.count, name: "x")
        return nil
      } catch { return error.code }
    }
    #expect(code(good) == nil)
    #expect(code(good.dropLast()) == .wrongSize)
    #expect(code(good + [0]) == .wrongSize)
    #expect(code([]) == .wrongSize)
    for length in 1..<good.count - 1 { #expect(code(Array(good[..<length])) != nil) }
    #expect(code(Self.npy(">i4", "(1,)", [0, 0, 0, 1])) == .unsupported)
    #expect(code(Self.npy("|O", "(1,)", [0, 0, 0, 1])) == .unsupported)
    #expect(code(Self.npy("|u1", "(9223372036854775807, 9)", [0])) == .wrongSize)
    #expect(code(Self.npy("|u1", "(-1,)", [0])) == .damaged)
    #expect(code(Self.npy("|u1", "[1]", [0])) == .damaged)
  }

  private func cifar(_ count: Int) -> (images: [UInt8], labels: [UInt8]) {
    var images: [UInt8] = []
    for index in 0..<count * 5 { images += [UInt8](repeating: UInt8(index), count: 3072) }
    var labels: [UInt8] = []
    for index in 0..<count * 5 { labels += [UInt8(index % count), 0, 0, 0, 0, 0, 0, 0] }
    return (Self.npy("|u1", "(\(count * 5), 32, 32, 3)", images), Self.npy("<i8", "(\(count * 5),)", labels))
  }

  @Test func severitiesOfCIFARCAreFifthsOfTheArray() throws {
    let (images, labels) = cifar(4)
    try folder.write(images, to: "CIFAR-10-C/fog.npy")
    try folder.write(labels, to: "CIFAR-10-C/labels.npy")
    let set = try open("cifar10-c:.?corruption=fog&severity=3")
    #expect(set.count == 4 && set.classCount == 10)
    #expect((0..<4).map { set.label(at: $0) } == [0, 1, 2, 3])
    var pixels = [UInt8](repeating: 0, count: 3072)
    try pixels.withUnsafeMutableBufferPointer { try set.copyPixels(at: 1, into: $0) }
    #expect(pixels.allSatisfy { $0 == 9 })
    let missing = try #require(throws: DataError.self) { try open("cifar10-c:.?corruption=frost&severity=3") }
    #expect(missing.description.contains("fog"))
    #expect(throws: DataError.self) { try open("cifar10-c:.?corruption=fog&severity=6") }
  }

  @Test func arraysInAFolderAreADataSet() throws {
    try folder.write(Self.npy("|u1", "(3, 2, 2)", (0..<12).map { UInt8($0) }), to: "set/test_images.npy")
    try folder.write(Self.npy("<i4", "(3, 1)", [2, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]), to: "set/test_labels.npy")
    let set = try open("arrays:set")
    #expect(set.channels == 1 && set.count == 3 && set.label(at: 0) == 2)
    let error = try #require(throws: DataError.self) { try open("arrays:set", .train) }
    #expect(error.description.contains("train_images"))
  }

  @Test func arraysInAnArchiveAreADataSet() throws {
    let data = try Data(contentsOf: URL(filePath: FashionMNISTTests.root + "/Tests/Fixtures/images/arrays.npz"))
    for name in ["arrays.npz", "cut.npz"] {
      try folder.write(name == "cut.npz" ? data.dropLast(30) : data, to: name)
    }
    let set = try open("arrays:arrays.npz")
    #expect(set.count == 5 && set.height == 4 && set.width == 6 && set.channels == 3)
    #expect((0..<5).map { set.label(at: $0) } == [0, 1, 2, 0, 1])
    var pixels = [UInt8](repeating: 0, count: 72)
    try pixels.withUnsafeMutableBufferPointer { try set.copyPixels(at: 4, into: $0) }
    let expected = (4 * 72..<5 * 72).map { UInt8($0 % 251) }
    #expect(pixels == expected)
    #expect(try open("arrays:arrays.npz", .train).count == 2)
    #expect(throws: DataError.self) { try open("arrays:cut.npz") }
  }
}

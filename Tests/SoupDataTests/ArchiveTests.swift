import Foundation
import SoupData
import Testing

/// Tar archives as Python's `tarfile` writes them.
enum Tar {
  static func header(_ name: String, size: Int, type: Character = "0", prefix: String = "") -> [UInt8] {
    var block = [UInt8](repeating: 0, count: 512)
    func put(_ text: String, _ at: Int) { block.replaceSubrange(at..<at + text.utf8.count, with: text.utf8) }
    put(name, 0)
    put("0000644\0", 100)
    let octal = String(size, radix: 8)
    put(String(repeating: "0", count: 11 - octal.count) + octal + "\0", 124)
    put("        ", 148)
    put(String(type), 156)
    put("ustar\u{0}00", 257)
    put(prefix, 345)
    let sum = String(block.reduce(0) { $0 + Int($1) }, radix: 8)
    put(String(repeating: "0", count: 6 - sum.count) + sum + "\0 ", 148)
    return block
  }

  static func entry(_ name: String, _ content: [UInt8], type: Character = "0", prefix: String = "") -> [UInt8] {
    header(name, size: content.count, type: type, prefix: prefix) + content
      + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
  }

  static func archive(_ entries: [(String, [UInt8])]) -> [UInt8] {
    entries.flatMap { entry($0.0, $0.1) } + [UInt8](repeating: 0, count: 1024)
  }
}

@Suite struct ArchiveTests {
  let folder: TemporaryFolder
  let jpeg = PillowReference.file("baseline.jpg")

  init() throws { folder = try TemporaryFolder() }

  @Test func entriesAreFoundByNameAndPlace() throws {
    let bytes = Tar.archive([("a/1.jpg", jpeg), ("a/1.cls", Array("3\n".utf8)), ("empty", [])])
    let archive = try TarArchive(bytes)
    #expect(archive.entries.map(\.name) == ["a/1.jpg", "a/1.cls", "empty"])
    #expect(Array(bytes[archive.entries[0].range]) == jpeg)
    #expect(archive.entries[2].range.isEmpty)
  }

  @Test func longNamesComeFromPrefixPaxAndGNU() throws {
    let long = String(repeating: "d/", count: 90) + "x.jpg"
    let record = " path=\(long)\n"
    let pax = "\(record.utf8.count + 3)" + record
    let bytes =
      Tar.entry("x.jpg", [1], prefix: "some/folder") + Tar.entry("h", Array(pax.utf8), type: "x")
      + Tar.entry("cut", [2])
      + Tar.entry("././@LongLink", Array(long.utf8) + [0], type: "L") + Tar.entry("cut", [3])
      + Tar.entry("dir", [], type: "5")
    #expect(try TarArchive(bytes).entries.map(\.name) == ["some/folder/x.jpg", long, long])
  }

  @Test func anArchiveCutOffAnywhereIsRefusedOrShorter() throws {
    let bytes = Tar.archive([("1.jpg", jpeg), ("1.cls", [48])])
    let whole = try TarArchive(bytes)
    let error = #expect(throws: DataError.self) { try TarArchive(Array(bytes[..<700])) }
    #expect(error?.code == .wrongSize)
    for length in stride(from: 1, to: bytes.count, by: 41) {
      guard let part = try? TarArchive(Array(bytes[..<length])) else { continue }
      #expect(part.entries == Array(whole.entries.prefix(part.entries.count)))
      #expect(part.entries.allSatisfy { $0.range.upperBound <= length })
    }
  }

  @Test func aDamagedHeaderIsRefused() throws {
    var bytes = Tar.archive([("1.jpg", jpeg)])
    bytes[3] ^= 1
    #expect(throws: DataError.self) { try TarArchive(bytes) }
    var huge = Tar.header("1.jpg", size: 1)
    huge.replaceSubrange(124..<136, with: Array("77777777777\0".utf8))
    #expect(throws: DataError.self) { try TarArchive(huge) }
    #expect(throws: DataError.self) { try TarArchive(Array("not an archive".utf8)) }
    let error = try #require(throws: DataError.self) {
      try TarArchive([0x1f, 0x8b] + [UInt8](repeating: 7, count: 1000))
    }
    #expect(error.description.contains("gunzip"))
  }

  @Test func samplesArePairedAcrossShards() throws {
    try folder.write(
      Tar.archive([("a/1.jpg", jpeg), ("a/1.cls", [50]), ("a/2.json", Array("{\"cls\": 1}".utf8)), ("a/2.jpg", jpeg)]),
      to: "s-000.tar")
    try folder.write(Tar.archive([("3.cls", [48]), ("3.jpg", jpeg), ("readme.txt", [65])]), to: "s-001.tar")
    let specification = try DatasetSpecification(parsing: "wds:\(folder.path)/s-{000..001}.tar?size=16&part=both")
    let set = try specification.open(.test, environment: [:], currentDirectory: "/")
    #expect((0..<set.count).map { set.label(at: $0) } == [2, 1, 0])
    #expect(set.classNames == ["0", "1", "2"])
    let folderSet = try DatasetSpecification(parsing: "wds:\(folder.path)?size=16&part=both")
    #expect(try folderSet.open(.train, environment: [:], currentDirectory: "/").count == 3)
    let batch = try DataLoader(set, batchSize: 3).batches(epoch: 0).next()!
    #expect(batch.images.shape == [3, 3, 16, 16])
  }

  @Test func samplesWithoutLabelAndShardsThatAreMissingAreNamed() throws {
    try folder.write(Tar.archive([("1.jpg", jpeg), ("2.jpg", jpeg), ("2.cls", [48])]), to: "s-0.tar")
    let error = try #require(throws: DataError.self) { try WebDataset([folder.path + "/s-0.tar"]) }
    #expect(error.description.contains("s-0.tar:1.jpg"))
    #expect(throws: DataError.self) { try WebDataset.shards(folder.path + "/s-{0..4}.tar") }
    #expect(try WebDataset.shards(folder.path + "/s-{0,0}.tar").count == 2)
  }
}

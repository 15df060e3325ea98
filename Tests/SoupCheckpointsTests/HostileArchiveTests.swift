import Foundation
import SoupCheckpoints
import SoupTensors
import Testing

/// Zip archives from strangers: whatever two readers could understand differently is refused.
@Suite struct HostileArchiveTests {
  /// A NumPy archive of one array of three bytes.
  private func archive(_ change: (inout ZipBuilder) -> Void = { _ in }) -> [UInt8] {
    var zip = ZipBuilder()
    zip.add("x.npy", array("|u1", "(3,)", [1, 2, 3]))
    change(&zip)
    return zip.bytes
  }

  @Test func acceptsAnHonestArchive() throws {
    #expect(try open(archive()).tensor("x").doubles() == [1, 2, 3])
    #expect(try open(archive { $0.comment = Array("a comment".utf8) }).entries.count == 1)
    #expect(try open(archive { $0.add("folder/", []) }).entries.count == 1)
    #expect(throws: Never.self) { try open(archive { $0.entries[0].flags = 0x800 }) }
  }

  // MARK: names

  @Test(arguments: [
    "../x.npy", "a/../../x.npy", "/x.npy", "..\\x.npy", "a\\x.npy", "./x.npy", "a\u{0}.npy", "a\u{1b}[2J.npy", "..",
    "/",
    "a/./b.npy",
  ])
  func refusesNamesThatLeadElsewhere(name: String) {
    #expect(code { try open(archive { $0.add(name, array("|u1", "(3,)", [1, 2, 3])) }) } == .unsafePath)
  }

  @Test func refusesNamesThatOccurTwice() {
    #expect(code { try open(archive { $0.add("x.npy", array("|u1", "(3,)", [4, 5, 6])) }) } == .duplicateKey)
  }

  @Test func refusesNamesThatAreNotUTF8() {
    var bytes = archive()
    for index in bytes.indices.dropLast(5) where bytes[index..<index + 5].elementsEqual("x.npy".utf8) {
      bytes[index] = 0xFF
    }
    #expect(code { try open(bytes) } == .invalidUTF8)
  }

  @Test func refusesAHeaderThatDisagreesWithTheDirectory() {
    #expect(code { try open(archive { $0.entries[0].localName = "y.npy" }) } == .invalidArchive)
    #expect(code { try open(archive { $0.entries[0].localStored = 5 }) } == .invalidArchive)
  }

  // MARK: places

  @Test func refusesEntriesThatShareBytes() {
    let file = archive {
      $0.add("y.npy", array("|u1", "(3,)", [4, 5, 6]))
      // Both entries of the directory point at the first one's header; the names must differ, so the header's does too.
      $0.entries[1].offset = 0
    }
    #expect(code { try open(file) } == .invalidArchive)
    // An entry whose data reaches over the next one's header.
    let long = archive {
      let next = $0.entries[0]
      $0.entries[0].stored = UInt32($0.entries[0].content.count + 60)
      $0.entries[0].count = $0.entries[0].stored
      $0.entries.append(next)
      $0.entries[1].name = "y.npy"
    }
    #expect(code { try open(long) } == .overlap)
  }

  @Test func refusesEntriesBeyondTheArchive() {
    for offset: UInt32 in [1, 1_000_000, .max - 1] {
      #expect([.invalidArchive, .truncated].contains(code { try open(archive { $0.entries[0].offset = offset }) }))
    }
    let size: UInt32 = 0x7FFF_FFFF
    let file = archive {
      $0.entries[0].stored = size
      $0.entries[0].count = size
    }
    #expect(code { try open(file) } == .truncated)
  }

  @Test func refusesALargeSizeThatIsMissingOrWraps() {
    #expect(
      code {
        try open(
          archive {
            $0.entries[0].stored = .max
            $0.entries[0].count = .max
          })
      } == .invalidArchive)
    for value in [UInt64.max, UInt64(Int64.max), 1 << 62] {
      let file = archive {
        $0.entries[0].stored = .max
        $0.entries[0].count = .max
        $0.entries[0].extra = [1, 0, 16, 0] + length(value) + length(value)
      }
      #expect([.invalidArchive, .truncated].contains(code { try open(file) }))
    }
  }

  @Test func refusesADirectoryThatIsNotThere() {
    #expect(code { try open(archive { $0.directoryOffset = 0xFFFF_FFFE }) } == .invalidArchive)
    #expect(code { try open(archive { $0.directorySize = 7 }) } == .invalidArchive)
    #expect(code { try open(archive { $0.entryCount = 2 }) } == .invalidArchive)
    #expect(code { try open(archive { $0.entryCount = 0 }) } == .invalidArchive)
    #expect(code { try open(archive { $0.entryCount = 0xFFFF }) } == .invalidArchive)
  }

  @Test func refusesBytesBehindTheArchive() {
    #expect(code { try open(archive { $0.tail = [0] }) } == .truncated)
  }

  @Test func anArchiveCutAnywhereIsRefused() throws {
    for name in ["zip.pt", "stored.npz", "compressed.npz"] {
      let bytes = [UInt8](try Data(contentsOf: URL(filePath: FormatTests.file(name))))
      for count in stride(from: 0, to: bytes.count, by: 7) {
        #expect(throws: CheckpointError.self) { try open(Array(bytes[..<count])) }
      }
    }
  }

  // MARK: methods

  @Test func refusesEncryptionAndOtherMethods() {
    #expect(code { try open(archive { $0.entries[0].flags = 1 }) } == .unsupported)
    for method: UInt16 in [1, 9, 12, 14, 93, 99] {
      #expect(code { try open(archive { $0.entries[0].method = method }) } == .unsupported)
    }
  }

  @Test func refusesAnArchiveOfSomethingElse() {
    var zip = ZipBuilder()
    zip.add("word/document.xml", [1, 2, 3])
    #expect(code { try open(zip.bytes) } == .unsupported)
    #expect(code { try open(ZipBuilder().bytes) } == .unsupported)
    zip.add("a/data.pkl", [0x80, 2, 0x4E, 0x2E])
    zip.add("b/data.pkl", [0x80, 2, 0x4E, 0x2E])
    #expect(code { try open(zip.bytes) } == .invalidArchive)
  }

  @Test func refusesAByteOrderThatDoesNotExist() {
    var zip = ZipBuilder()
    zip.add("a/data.pkl", [0x80, 2, 0x4E, 0x2E])
    zip.add("a/byteorder", Array("middle".utf8))
    #expect(code { try open(zip.bytes) } == .invalidArchive)
  }

  // MARK: bombs

  /// 1 GiB of zeros in a megabyte: as NumPy would write it, honest but for its intention.
  @Test func refusesABomb() throws {
    let header = array("|u1", "(\(1 << 30),)", [])
    let file = archive {
      $0.entries[0] = .init(name: "x.npy", content: Array(repeating: 0, count: 1 << 20), method: 8)
      $0.entries[0].stored = 1 << 20
      $0.entries[0].count = UInt32(header.count + 1 << 30)
    }
    #expect(code { try open(file) } == .expansion)
  }

  @Test func refusesAnExpansionOfAnotherSize() throws {
    let original = [UInt8](try Data(contentsOf: URL(filePath: FormatTests.file("compressed.npz"))))
    // The directory's size of the first entry, one more and one less than the truth.
    let directory = try #require(
      original.indices.first { original[$0...].starts(with: [0x50, 0x4B, 1, 2]) })
    for change in [1, -1] {
      var bytes = original
      bytes[directory + 24] = UInt8(truncatingIfNeeded: Int(bytes[directory + 24]) + change)
      #expect(throws: CheckpointError.self) { try open(bytes).stateDict() }
    }
    // Its checksum.
    var bytes = original
    bytes[directory + 16] ^= 1
    #expect(code { try open(bytes).stateDict() } == .invalidArchive)
  }

  @Test func damagedCompressionIsRefusedOrSafe() throws {
    let original = [UInt8](try Data(contentsOf: URL(filePath: FormatTests.file("deflated.pt"))))
    var refused = 0
    for index in original.indices {
      var bytes = original
      bytes[index] ^= 0x55
      do { _ = try open(bytes).stateDict() } catch { refused += 1 }
    }
    #expect(refused > original.count / 2)
  }
}

/// A NumPy array file.
func array(_ descr: String, _ shape: String, _ content: [UInt8], fortran: Bool = false) -> [UInt8] {
  array(header: "{'descr': '\(descr)', 'fortran_order': \(fortran ? "True" : "False"), 'shape': \(shape), }\n", content)
}

func array(header: String, version: UInt8 = 1, _ content: [UInt8]) -> [UInt8] {
  let text = Array(header.utf8)
  let length =
    version == 1 ? [UInt8(text.count & 0xFF), UInt8(text.count >> 8)] : Array(length(UInt64(text.count))[..<4])
  return [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, version, 0] + length + text + content
}

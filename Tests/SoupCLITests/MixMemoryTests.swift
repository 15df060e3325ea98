import Foundation
import SoupCheckpoints
import Testing

/// What a mix may take of the machine's memory.
@Suite struct MixMemoryTests {
  /// An `.npz` with one compressed array of zeros, in blocks that deflate merely wraps.
  private func writeArchive(_ path: String, elements: Int) throws {
    var header = Array("{'descr': '<f4', 'fortran_order': False, 'shape': (\(elements),), }".utf8)
    header += Array(repeating: UInt8(ascii: " "), count: 117 - header.count) + [UInt8(ascii: "\n")]
    let start = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.count), 0] + header
    let size = start.count + 4 * elements
    var (crc, content, left, head) = (UInt32(0), Data(), size, start)
    let zeros = [UInt8](repeating: 0, count: 65535)
    while left > 0 {
      let count = min(left, zeros.count)
      let block = head + zeros[..<(count - head.count)]
      head = []
      left -= count
      content += [left == 0 ? 1 : 0] + word(UInt16(count)) + word(~UInt16(count)) + block
      crc = block.withUnsafeBytes { CheckpointOutput.checksum($0, after: crc) }
    }
    let name = Array("x.npy".utf8)
    let common = word(20) + word(0) + word(8) + word(0) + word(0) + long(crc) + long(content.count) + long(size)
    let local = [0x50, 0x4B, 3, 4] + common + word(UInt16(name.count)) + word(0) + name
    let directory =
      [0x50, 0x4B, 1, 2] + word(20) + common + word(UInt16(name.count)) + word(0) + word(0) + word(0) + word(0)
      + long(0)
      + long(0) + name
    let end =
      [0x50, 0x4B, 5, 6] + word(0) + word(0) + word(1) + word(1) + long(directory.count)
      + long(local.count + content.count) + word(0)
    try (Data(local) + content + Data(directory + end)).write(to: URL(filePath: path))
  }

  private func word(_ value: UInt16) -> [UInt8] { [UInt8(value & 255), UInt8(value >> 8)] }
  private func long(_ value: some BinaryInteger) -> [UInt8] {
    let value = UInt32(truncatingIfNeeded: value)
    return word(UInt16(value & 0xffff)) + word(UInt16(value >> 16))
  }

  #if os(Linux)
    /// Two arrays of 64 MB under a limit of 100 MB for everything that is not the page of a file.
    @Test func compressedArraysAreExpandedOutsideOfMemory() throws {
      let folder = try TemporaryFolder()
      for name in ["a.npz", "b.npz"] { try writeArchive(folder[name], elements: 16 << 20) }
      let mix = "$SOUP mix a.npz b.npz -o soup.safetensors --threads 1 -q --lock none"
      let result = try SoupProgram.shell("ulimit -d 100000; \(mix)", in: folder.path)
      #expect(result.status == 0, "\(result.errors)")
      let soup = try Checkpoint(contentsOf: folder["soup.safetensors"])
      #expect(soup.entry("x")?.count == 16 << 20)
    }
  #endif
}

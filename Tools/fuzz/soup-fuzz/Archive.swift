#if canImport(Glibc)
  @_exported import Glibc
#else
  @_exported import Darwin
#endif

/// A zip archive around mutated entries, so that the mutations reach the entries' parsers.
enum Archive {
  static func of(_ entries: [(name: String, content: [UInt8])]) -> [UInt8] {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for (name, content) in entries {
      let fields = word(0) + word(0) + word(0) + word(0) + long(0) + long(content.count) + long(content.count)
      directory += [0x50, 0x4B, 1, 2] + word(20) + word(20) + fields + word(name.utf8.count)
      directory += [UInt8](repeating: 0, count: 12) + long(file.count) + Array(name.utf8)
      file += [0x50, 0x4B, 3, 4] + word(20) + fields + word(name.utf8.count) + word(0) + Array(name.utf8) + content
    }
    return file + directory + [0x50, 0x4B, 5, 6] + word(0) + word(0) + word(entries.count) + word(entries.count)
      + long(directory.count) + long(file.count) + word(0)
  }

  private static func word(_ value: Int) -> [UInt8] { withUnsafeBytes(of: UInt16(value).littleEndian) { Array($0) } }
  private static func long(_ value: Int) -> [UInt8] { withUnsafeBytes(of: UInt32(value).littleEndian) { Array($0) } }
}

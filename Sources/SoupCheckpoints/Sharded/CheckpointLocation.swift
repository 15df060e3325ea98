import SoupTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Which files a path that a user named stands for.
struct CheckpointLocation {
  /// One file, or the shards of `index` in its order.
  let files: [String]
  let index: ShardIndex?
  let key: String?

  /// - Parameters:
  ///   - path: a file, an index, a folder, or any of them with `::key` behind it.
  init(_ path: String, key: String?) throws(CheckpointError) {
    var (name, key) = (path, key)
    if key == nil, !Self.exists(path), let mark = path.ranges(of: "::").last {
      (name, key) = (String(path[..<mark.lowerBound]), String(path[mark.upperBound...]))
    }
    self.key = key
    if Self.isFolder(name) { name = try ModelFolder(name).checkpoint() }
    guard let index = try Self.index(name) else {
      self.index = nil
      files = [name]
      return
    }
    self.index = index
    let folder = name.lastIndex(of: "/").map { String(name[...$0]) } ?? ""
    files = index.files.map { folder + $0 }
    let missing = index.files.filter { !Self.exists(folder + $0) }
    guard missing.isEmpty else {
      throw CheckpointError(
        .cannotRead, name, "shards are missing: \(missing.joined(separator: ", "))", advice: "download them too")
    }
  }

  /// The index in a file, or nil if the file is a checkpoint itself.
  private static func index(_ path: String) throws(CheckpointError) -> ShardIndex? {
    let file = try MappedFile(path: path)
    let bytes = file.storage.bytes
    guard path.hasSuffix(".json") || isJSON(bytes) else { return nil }
    return try ShardIndex(bytes, path: path)
  }

  /// Whether a file begins like JSON and cannot be safetensors, whose first 8 bytes are a length.
  private static func isJSON(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard bytes.first == UInt8(ascii: "{"), bytes.count >= 8 else { return false }
    return UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)) > UInt64(SafetensorsHeader.maximumLength)
  }

  static func exists(_ path: String) -> Bool {
    var information = stat()
    return stat(path, &information) == 0
  }

  private static func isFolder(_ path: String) -> Bool {
    var information = stat()
    return stat(path, &information) == 0 && information.st_mode & S_IFMT == S_IFDIR
  }
}

import SoupTensors

/// The directory of a zip archive, checked in full: what is where, without reading or expanding anything.
///
/// Two readers must not see two different archives, so whatever zip leaves open is refused: names that occur twice,
/// entries that share bytes, local headers that disagree with the directory, bytes behind the archive. Names that lead
/// out of a folder are refused although nothing is ever unpacked.
///
/// - Source: PKWARE, APPNOTE 6.3.10, with Zip64.
struct ZipArchive {
  struct Entry {
    let name: String
    /// The stored bytes in the file.
    let range: Range<Int>
    /// Size after expansion.
    let count: Int
    let checksum: UInt32
    let isDeflated: Bool
  }

  let storage: HostStorage
  let path: String
  private let recent = RecentExpansions()
  /// In directory order, without those for folders.
  private(set) var entries: [Entry] = []

  /// Compressed entries may expand to this many times the file's size, or to `freeExpansion` bytes if that is more.
  static let maximumExpansion = 100
  static let freeExpansion = 256 << 20

  init(_ storage: HostStorage, path: String) throws(CheckpointError) {
    self.storage = storage
    self.path = path
    let end = try Self.findEnd(storage.bytes, path: path)
    var reader = ByteReader(storage.bytes, at: end.directory.lowerBound)
    var names: Set<String> = []
    var extents: [(range: Range<Int>, name: String)] = []
    var expansion = 0
    for _ in 0..<end.count {
      let (entry, headerOffset) = try directoryEntry(&reader, limit: end.directory.upperBound)
      let start = try dataStart(entry, headerOffset: headerOffset)
      let (upper, overflow) = start.addingReportingOverflow(entry.range.count)
      guard !overflow, upper <= end.directory.lowerBound else {
        throw CheckpointError(
          .truncated, path, "'\(entry.name)' in it lies beyond the archive's data", advice: "copy or download it again")
      }
      guard names.insert(entry.name).inserted else {
        throw CheckpointError(.duplicateKey, path, "holds two files named '\(entry.name)'")
      }
      extents.append((headerOffset..<upper, entry.name))
      if entry.isDeflated { expansion = expansion.addingReportingOverflow(entry.count).partialValue }
      guard expansion >= 0, expansion <= max(Self.freeExpansion, Self.maximumExpansion * storage.bytes.count) else {
        throw CheckpointError(
          .expansion, path,
          "would expand to more than \(Self.maximumExpansion) times its \(storage.bytes.count) bytes",
          advice: "if you trust it, unpack it and write it again without compression")
      }
      if entry.name.hasSuffix("/") { continue }
      entries.append(
        Entry(
          name: entry.name, range: start..<upper, count: entry.count, checksum: entry.checksum,
          isDeflated: entry.isDeflated))
    }
    guard reader.position == end.directory.upperBound else { throw damaged("its directory has another length") }
    extents.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
    for (first, second) in zip(extents, extents.dropFirst()) where second.range.lowerBound < first.range.upperBound {
      throw CheckpointError(.overlap, path, "'\(first.name)' and '\(second.name)' in it share bytes")
    }
  }

  subscript(name: String) -> Entry? { entries.first { $0.name == name } }

  /// An entry's bytes, expanded if need be; for small ones that are read at once.
  func bytes(_ entry: Entry, limit: Int) throws(CheckpointError) -> HostStorage {
    guard entry.count <= limit else {
      throw CheckpointError(
        .tooComplex, path, "'\(entry.name)' in it has \(entry.count) bytes; at most \(limit) are read")
    }
    if entry.isDeflated { return try deflated(entry).inflated() }
    let storage = storage
    return HostStorage(bytes: UnsafeRawBufferPointer(rebasing: storage.bytes[entry.range])) { _ = storage }
  }

  func deflated(_ entry: Entry) -> DeflatedBytes {
    DeflatedBytes(
      storage, range: entry.range, count: entry.count, checksum: entry.checksum, name: entry.name, path: path,
      recent: recent)
  }

  /// Where a tensor's bytes begin `offset` bytes into an entry.
  func place(_ entry: Entry, offset: Int) -> TensorSource.Place {
    entry.isDeflated ? .deflated(deflated(entry), offset: offset) : .stored(offset: entry.range.lowerBound + offset)
  }

  // MARK: directory

  /// A directory entry whose `range` has the right length but begins at 0.
  private func directoryEntry(
    _ reader: inout ByteReader, limit: Int
  ) throws(CheckpointError) -> (entry: Entry, headerOffset: Int) {
    let start = reader.position
    guard limit - start >= 46, reader.integer(UInt32.self) == 0x0201_4B50, reader.skip(4),
      let flags = reader.integer(UInt16.self), let method = reader.integer(UInt16.self), reader.skip(4),
      let checksum = reader.integer(UInt32.self), var stored = reader.count(UInt32.self),
      var count = reader.count(UInt32.self), let nameLength = reader.count(UInt16.self),
      let extraLength = reader.count(UInt16.self), let commentLength = reader.count(UInt16.self),
      let disk = reader.integer(UInt16.self), reader.skip(6), var offset = reader.count(UInt32.self),
      let nameRange = reader.take(nameLength), let extra = reader.take(extraLength), reader.skip(commentLength),
      reader.position <= limit
    else { throw damaged("its directory is damaged") }
    guard let name = String(validating: storage.bytes[nameRange], as: UTF8.self) else {
      throw CheckpointError(.invalidUTF8, path, "a name in the archive is not valid UTF-8")
    }
    try checkName(name)
    guard disk == 0 || disk == 0xFFFF else { throw unsupported("'\(name)' in it is on another disk") }
    guard flags & 0x2041 == 0 else { throw unsupported("'\(name)' in it is encrypted") }
    guard method == 0 || method == 8 else {
      throw unsupported("'\(name)' in it is compressed by method \(method); stored and deflated entries are read")
    }
    try zip64(extra, count: &count, stored: &stored, offset: &offset)
    guard method == 8 || count == stored else { throw damaged("'\(name)' in it is stored with two different sizes") }
    return (
      Entry(name: name, range: 0..<stored, count: count, checksum: checksum, isDeflated: method == 8), offset
    )
  }

  /// Replaces the sizes that do not fit 32 bits.
  private func zip64(
    _ extra: Range<Int>, count: inout Int, stored: inout Int, offset: inout Int
  ) throws(CheckpointError) {
    let marker = Int(UInt32.max)
    guard count == marker || stored == marker || offset == marker else { return }
    var reader = ByteReader(UnsafeRawBufferPointer(rebasing: storage.bytes[..<extra.upperBound]), at: extra.lowerBound)
    while let kind = reader.integer(UInt16.self), let length = reader.count(UInt16.self),
      let field = reader.take(length)
    {
      guard kind == 1 else { continue }
      var field = ByteReader(
        UnsafeRawBufferPointer(rebasing: storage.bytes[..<field.upperBound]), at: field.lowerBound)
      func large(_ value: inout Int) throws(CheckpointError) {
        guard value == marker else { return }
        guard let word = field.count(UInt64.self) else { throw damaged("a 64-bit size in its directory is damaged") }
        value = word
      }
      try large(&count)
      try large(&stored)
      try large(&offset)
      return
    }
    throw damaged("a 64-bit size is missing from its directory")
  }

  /// Where an entry's bytes begin, from its local header, which must agree with the directory.
  private func dataStart(_ entry: Entry, headerOffset: Int) throws(CheckpointError) -> Int {
    var reader = ByteReader(storage.bytes, at: headerOffset)
    guard headerOffset < storage.bytes.count, reader.integer(UInt32.self) == 0x0403_4B50, reader.skip(2),
      let flags = reader.integer(UInt16.self), let method = reader.integer(UInt16.self), reader.skip(8),
      let stored = reader.count(UInt32.self), let count = reader.count(UInt32.self),
      let nameLength = reader.count(UInt16.self), let extraLength = reader.count(UInt16.self),
      let name = reader.take(nameLength), reader.skip(extraLength)
    else { throw damaged("'\(entry.name)' in it has no header of its own") }
    // With flag 3 the sizes follow the data; 0xFFFFFFFF stands for a 64-bit size elsewhere.
    let hasSizes = flags & 8 == 0 && stored != Int(UInt32.max) && count != Int(UInt32.max)
    guard storage.bytes[name].elementsEqual(entry.name.utf8), (method == 8) == entry.isDeflated,
      !hasSizes || (stored == entry.range.count && count == entry.count)
    else { throw damaged("'\(entry.name)' in it has a header that disagrees with the directory") }
    return reader.position
  }

  private func checkName(_ name: String) throws(CheckpointError) {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    let isUnsafe =
      name.isEmpty || name.hasPrefix("/") || parts.contains("..") || parts.contains(".")
      || name.unicodeScalars.contains { $0 == "\\" || $0.properties.generalCategory == .control }
    guard !isUnsafe else {
      throw CheckpointError(
        .unsafePath, path, "holds a file named \(name.debugDescription), which leads out of the archive's folder",
        advice: "it was made to overwrite files; do not unpack it")
    }
  }

  // MARK: end

  private static func findEnd(
    _ bytes: UnsafeRawBufferPointer, path: String
  ) throws(CheckpointError) -> (directory: Range<Int>, count: Int) {
    // 22 bytes and a comment of at most 65535.
    let lowest = max(0, bytes.count - 22 - 65_535)
    for start in stride(from: bytes.count - 22, through: lowest, by: -1) where bytes[start] == 0x50 {
      var reader = ByteReader(bytes, at: start)
      guard reader.integer(UInt32.self) == 0x0605_4B50, let disk = reader.integer(UInt16.self),
        let directoryDisk = reader.integer(UInt16.self), let here = reader.count(UInt16.self),
        var count = reader.count(UInt16.self), var size = reader.count(UInt32.self),
        var offset = reader.count(UInt32.self), let comment = reader.count(UInt16.self), comment == reader.remaining
      else { continue }
      let damaged = CheckpointError(
        .invalidArchive, path, "the end of the zip archive is damaged", advice: "copy or download it again")
      guard (disk == 0 || disk == 0xFFFF) && (directoryDisk == 0 || directoryDisk == 0xFFFF), here == count else {
        throw CheckpointError(.unsupported, path, "is one part of an archive in several")
      }
      var limit = start
      if count == 0xFFFF || size == Int(UInt32.max) || offset == Int(UInt32.max) {
        guard let large = largeEnd(bytes, before: start) else { throw damaged }
        (count, size, offset, limit) = large
      } else if let large = largeEnd(bytes, before: start) {
        // PyTorch writes both for every archive; they must say the same.
        guard (large.count, large.size, large.offset) == (count, size, offset) else { throw damaged }
        limit = large.limit
      }
      guard offset <= limit, size == limit - offset, count <= size / 46 else { throw damaged }
      return (offset..<limit, count)
    }
    throw CheckpointError(
      .truncated, path, "begins as a zip archive but has no directory at its end", advice: "copy or download it again")
  }

  /// The Zip64 end record, found through the locator just before the ordinary one.
  private static func largeEnd(
    _ bytes: UnsafeRawBufferPointer, before start: Int
  ) -> (count: Int, size: Int, offset: Int, limit: Int)? {
    var locator = ByteReader(bytes, at: start - 20)
    guard start >= 20, locator.integer(UInt32.self) == 0x0706_4B50, locator.skip(4),
      let position = locator.count(UInt64.self), position <= start - 20 - 56
    else { return nil }
    var reader = ByteReader(bytes, at: position)
    guard reader.integer(UInt32.self) == 0x0606_4B50, let length = reader.count(UInt64.self),
      length == start - 20 - position - 12, reader.skip(12), let here = reader.count(UInt64.self),
      let count = reader.count(UInt64.self), here == count, let size = reader.count(UInt64.self),
      let offset = reader.count(UInt64.self)
    else { return nil }
    return (count, size, offset, position)
  }

  private func damaged(_ what: String) -> CheckpointError {
    CheckpointError(.invalidArchive, path, what, advice: "it is damaged or made to mislead; download it again")
  }

  private func unsupported(_ what: String) -> CheckpointError { CheckpointError(.unsupported, path, what) }
}

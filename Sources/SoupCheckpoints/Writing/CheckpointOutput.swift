import CZlib
import SoupTensors

/// A checkpoint that is being written: its tensors' bytes come in pieces, in any order and from several threads, each to
/// its final position; the checkpoint appears when it is complete.
///
/// The headers of a safetensors file are known at once. A PyTorch file is a zip archive, whose headers hold the CRC-32
/// of every storage: the pieces' checksums are combined (`RunningChecksums`), and the headers written last.
public final class CheckpointOutput: Sendable {
  public let layout: CheckpointLayout
  public let destination: CheckpointDestination
  private enum Place: Sendable {
    case file(AtomicFile)
    case folder(AtomicFolder)
  }
  private let place: Place
  private let checksums: [RunningChecksums]

  /// Creates what will be renamed, and reserves its space.
  /// - Parameters:
  ///   - replacing: whether what exists under that name may be replaced.
  ///   - key: names the contents, in letters and digits: an output left unfinished under the same key is continued.
  /// - Throws: `CheckpointError` with codes `exists`, `cannotWrite` or `noSpace`.
  public init(
    _ layout: CheckpointLayout, to destination: CheckpointDestination, replacing: Bool, key: String? = nil
  ) throws(CheckpointError) {
    self.layout = layout
    self.destination = destination
    if destination.isFolder {
      place = .folder(
        try AtomicFolder(
          path: destination.path, files: layout.files.map { ($0.name, $0.size) }, replacing: replacing, key: key))
    } else {
      place = .file(
        try AtomicFile(path: destination.path, size: layout.files[0].size, replacing: replacing, key: key))
    }
    checksums = layout.files.indices.map {
      RunningChecksums(count: layout.needsChecksums ? layout.storageCount($0) : 0)
    }
    for (index, file) in layout.files.enumerated() {
      if case .safetensors(let layout) = file.form { try write(layout.header, to: index, at: 0) }
    }
  }

  /// Whether an earlier process left this output unfinished.
  public var isContinued: Bool {
    switch place {
    case .file(let file): file.isContinued
    case .folder(let folder): folder.isContinued
    }
  }

  /// Where notes on the unfinished output belong; see `AtomicFile`.
  public var journalPath: String? {
    switch place {
    case .file(let file): file.journalPath
    case .folder(let folder): folder.journalPath
    }
  }

  /// Where it will appear.
  public var path: String {
    switch place {
    case .file(let file): file.path
    case .folder(let folder): folder.path
    }
  }

  /// Writes bytes of a tensor, beginning with its byte `offset`. Of tied tensors only the stored one is written.
  public func write(
    _ bytes: UnsafeRawBufferPointer, of tensor: CheckpointLayout.Place, from offset: Int
  ) throws(CheckpointError) {
    precondition(offset >= 0 && bytes.count <= tensor.byteCount - offset, "bytes beyond the tensor")
    guard tensor.isStored else { return }
    try write(bytes, to: tensor.file, at: tensor.offset + offset)
  }

  /// Notes the CRC-32 of bytes of a tensor that are written; needed where `layout.needsChecksums`.
  public func note(_ checksum: UInt32, of bytes: Range<Int>, of tensor: CheckpointLayout.Place) {
    guard layout.needsChecksums, tensor.isStored else { return }
    checksums[tensor.file].add(checksum, of: bytes, in: tensor.storage)
  }

  /// Continues a CRC-32; 0 begins one.
  public static func checksum(_ bytes: UnsafeRawBufferPointer, after checksum: UInt32 = 0) -> UInt32 {
    czlib_crc32(checksum, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count)
  }

  /// Reads bytes of a tensor that were written, by this process or an earlier one; false if they cannot be read.
  public func read(
    into target: UnsafeMutableRawBufferPointer, of tensor: CheckpointLayout.Place, from offset: Int
  ) -> Bool {
    let offset = tensor.offset + offset
    return switch place {
    case .file(let file): file.read(into: target, at: offset)
    case .folder(let folder): folder.read(into: target, from: tensor.file, at: offset)
    }
  }

  /// Adds a small file beside the tensors; the output must be a folder.
  public func add(_ name: String, _ contents: UnsafeRawBufferPointer) throws(CheckpointError) {
    guard case .folder(let folder) = place else { preconditionFailure("only a folder has files beside the tensors") }
    try folder.add(name, contents)
  }

  /// Adds a small text file beside the tensors.
  public func add(_ name: String, text: String) throws(CheckpointError) {
    try Array(text.utf8).withUnsafeBufferPointer { (bytes) throws(CheckpointError) in
      try add(name, UnsafeRawBufferPointer(bytes))
    }
  }

  /// Adds a copy of a small file; links are followed.
  public func add(_ name: String, copying path: String) throws(CheckpointError) {
    let file = try MappedFile(path: path)
    try add(name, file.storage.bytes)
  }

  /// Writes what was not known before, flushes everything and gives it its name.
  /// - Returns: paths of the files with tensors, and of the index if there is one.
  @discardableResult
  public func commit() throws(CheckpointError) -> [String] {
    for (index, file) in layout.files.enumerated() {
      guard case .pytorch(let layout) = file.form else { continue }
      var values: [UInt32] = []
      for (storage, entry) in layout.storages.enumerated() {
        guard let value = checksums[index].value(of: storage, count: entry.byteRange.count) else {
          throw CheckpointError(.cannotWrite, path, "tensor '\(entry.name)' was not written completely")
        }
        values.append(value)
      }
      for part in layout.frame(checksums: values) { try write(part.bytes, to: index, at: part.offset) }
    }
    if let index = layout.index { try add(index.name, text: index.text) }
    switch place {
    case .file(let file):
      try file.commit()
      return [file.path]
    case .folder(let folder):
      try folder.commit()
      return (layout.files.map(\.name) + (layout.index.map { [$0.name] } ?? [])).map { folder.path + "/" + $0 }
    }
  }

  private func write(_ bytes: UnsafeRawBufferPointer, to file: Int, at offset: Int) throws(CheckpointError) {
    switch place {
    case .file(let file): try file.write(bytes, at: offset)
    case .folder(let folder): try folder.write(bytes, to: file, at: offset)
    }
  }

  private func write(_ bytes: [UInt8], to file: Int, at offset: Int) throws(CheckpointError) {
    try bytes.withUnsafeBufferPointer { (bytes) throws(CheckpointError) in
      try write(UnsafeRawBufferPointer(bytes), to: file, at: offset)
    }
  }
}

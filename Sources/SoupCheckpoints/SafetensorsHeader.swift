import SoupTensors

/// The header of a safetensors file, checked in full.
///
/// The format: 8 bytes of little-endian length `n`, `n` bytes of JSON, then the tensors' bytes. Every byte after the
/// header belongs to exactly one tensor. These are the checks of the reference implementation, and three more: a key
/// that occurs twice, a field the format does not have, and names that could not be printed safely are refused.
///
/// - Source: safetensors, "Format" (github.com/huggingface/safetensors).
public struct SafetensorsHeader: Sendable {
  /// The format's own limit on the header, against files made to exhaust memory.
  public static let maximumLength = 100_000_000

  public let metadata: [String: String]
  /// Tensors in the order of their bytes.
  public let entries: [TensorInfo]

  /// Reads the header of a whole file in memory; the tensors' bytes are not touched.
  /// - Throws: `CheckpointError` with `path` in its text.
  public init(file: UnsafeRawBufferPointer, path: String) throws(CheckpointError) {
    guard file.count >= 8 else {
      throw CheckpointError(
        .truncated, path, "has \(file.count) bytes, too few for a safetensors file", advice: "copy or download it again"
      )
    }
    let length = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
    let isPlausible = length < UInt64(file.count) - 8 && file[8] == UInt8(ascii: "{")
    if !isPlausible, let other = Self.otherFormat(file) {
      throw CheckpointError(.notSafetensors, path, "is \(other), not a safetensors file")
    }
    guard length <= UInt64(Self.maximumLength) else {
      throw CheckpointError(
        .headerTooLarge, path,
        "claims a header of \(length) bytes, more than the \(Self.maximumLength) that safetensors allows",
        advice: "it is damaged or not a safetensors file")
    }
    let dataStart = 8 + Int(length)
    guard dataStart <= file.count else {
      throw CheckpointError(
        .truncated, path, "has \(file.count) bytes, but its header alone needs \(dataStart)",
        advice: "copy or download it again")
    }
    var parser = HeaderParser(
      bytes: UnsafeRawBufferPointer(rebasing: file[8..<dataStart]), path: path, dataStart: dataStart)
    let raw = try parser.parse()
    metadata = raw.metadata
    entries = try Self.checked(raw.tensors, dataStart: dataStart, fileSize: file.count, path: path)
  }

  /// Sorts the tensors by position and proves that they tile the data exactly.
  private static func checked(
    _ tensors: [TensorInfo], dataStart: Int, fileSize: Int, path: String
  ) throws(CheckpointError) -> [TensorInfo] {
    let order = tensors.indices.sorted {
      let (a, b) = (tensors[$0].byteRange, tensors[$1].byteRange)
      return (a.lowerBound, a.upperBound, $0) < (b.lowerBound, b.upperBound, $1)
    }
    let entries = order.map { tensors[$0] }
    var end = dataStart
    var previous: String?
    for entry in entries {
      let range = entry.byteRange
      if range.lowerBound < end {
        throw CheckpointError(.overlap, path, "tensors '\(previous ?? "")' and '\(entry.name)' share bytes")
      }
      if range.lowerBound > end {
        throw CheckpointError(
          .gap, path, "\(range.lowerBound - end) bytes before tensor '\(entry.name)' belong to no tensor")
      }
      end = range.upperBound
      previous = entry.name
    }
    if end > fileSize {
      throw CheckpointError(
        .truncated, path, "has \(fileSize) bytes, but its tensors need \(end)", advice: "copy or download it again")
    }
    if end < fileSize {
      throw CheckpointError(.gap, path, "the last \(fileSize - end) bytes belong to no tensor")
    }
    return entries
  }

  /// Names a format that starts like this, so that the message can say what the file is.
  private static func otherFormat(_ file: UnsafeRawBufferPointer) -> String? {
    switch (file[0], file[1], file[2], file[3]) {
    case (0x50, 0x4b, 3, 4): "a zip archive (PyTorch .pt or NumPy .npz)"
    case (0x80, 2...5, _, _): "a Python pickle (an old PyTorch file)"
    case (0x47, 0x47, 0x55, 0x46): "a GGUF file"
    case (0x89, 0x48, 0x44, 0x46): "an HDF5 file"
    case (0x1f, 0x8b, _, _): "a gzip file"
    case (0x76, 0x65, 0x72, 0x73): "a Git LFS pointer ('git lfs pull' fetches the file itself)"
    default: file.prefix(8).allSatisfy({ (0x20...0x7e).contains($0) || (0x09...0x0d).contains($0) }) ? "text" : nil
    }
  }
}

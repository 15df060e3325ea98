import CKernels
import SoupCheckpoints
import SoupTensors

/// Where the blocks of a soup go: into one piece of memory, or into a file with a journal.
struct MixTarget: Sendable {
  private enum Place: Sendable {
    case memory(MixMemory)
    case file(AtomicFile, MixJournal?)
  }

  private let place: Place

  /// Memory for all tensors, laid out as in the file but without the header.
  init(memory: UnsafeMutableRawBufferPointer, headerSize: Int) {
    place = .memory(MixMemory(bytes: memory, headerSize: headerSize))
  }

  init(file: AtomicFile, journal: MixJournal?) { place = .file(file, journal) }

  /// Memory for a run of elements of an output tensor, or nil to have it handed to `write`.
  func destination(_ entry: TensorInfo, _ elements: Range<Int>) -> UnsafeMutableRawBufferPointer? {
    guard case .memory(let memory) = place else { return nil }
    let start = entry.byteRange.lowerBound - memory.headerSize + elements.lowerBound * entry.dtype.size
    return UnsafeMutableRawBufferPointer(rebasing: memory.bytes[start..<start + elements.count * entry.dtype.size])
  }

  /// Stores finished elements of an output tensor.
  func write(
    _ bytes: UnsafeRawBufferPointer, _ entry: TensorInfo, from element: Int, checksum: inout ck_checksum
  ) throws {
    guard case .file(let file, let journal) = place else { return }
    if journal != nil { ck_checksum_add(&checksum, bytes.baseAddress, bytes.count) }
    try file.write(bytes, at: entry.byteRange.lowerBound + element * entry.dtype.size)
  }

  /// Notes that a piece is written.
  func finish(_ piece: MixWork.Piece, _ findings: MixWork.Findings, checksum: ck_checksum) {
    guard case .file(_, let journal?) = place else { return }
    var checksum = checksum
    journal.add(piece, MixJournal.Record(checksum: ck_checksum_value(&checksum), findings: findings))
  }

  /// What was found in a piece that an earlier process wrote; nil if it must be mixed.
  /// - Parameter buffer: memory to read into.
  func findings(
    inFinished piece: MixWork.Piece, of entry: TensorInfo, buffer: () -> UnsafeMutableRawBufferPointer
  ) -> MixWork.Findings? {
    guard case .file(let file, let journal?) = place, let record = journal.record(of: piece) else { return nil }
    let buffer = buffer()
    var checksum = ck_checksum()
    var offset = entry.byteRange.lowerBound + piece.elements.lowerBound * entry.dtype.size
    let end = entry.byteRange.lowerBound + piece.elements.upperBound * entry.dtype.size
    while offset < end {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, end - offset)])
      guard file.read(into: part, at: offset) else { return nil }
      ck_checksum_add(&checksum, part.baseAddress, part.count)
      offset += part.count
    }
    return ck_checksum_value(&checksum) == record.checksum ? record.findings : nil
  }
}

/// Memory that several threads fill, each its own part.
private struct MixMemory: @unchecked Sendable {
  let bytes: UnsafeMutableRawBufferPointer
  let headerSize: Int
}

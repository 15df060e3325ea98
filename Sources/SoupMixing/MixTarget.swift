import CKernels
import SoupCheckpoints
import SoupTensors

/// Where the blocks of a soup go: into one piece of memory, or into an output with a journal.
struct MixTarget: Sendable {
  private enum Place: Sendable {
    case memory(MixMemory)
    case output(CheckpointOutput, MixJournal?)
  }

  /// Checksums of the bytes of one piece, as far as they are needed.
  struct Checksum {
    fileprivate var journal = ck_checksum()
    /// CRC-32, for formats that store one.
    fileprivate var archive: UInt32 = 0
  }

  private let place: Place

  /// Memory for all tensors, laid out as in a safetensors file but without the header.
  init(memory: UnsafeMutableRawBufferPointer, headerSize: Int) {
    place = .memory(MixMemory(bytes: memory, headerSize: headerSize))
  }

  init(output: CheckpointOutput, journal: MixJournal?) { place = .output(output, journal) }

  /// Memory for a run of elements of an output tensor, or nil to have it handed to `write`.
  func destination(_ entry: TensorInfo, _ elements: Range<Int>) -> UnsafeMutableRawBufferPointer? {
    guard case .memory(let memory) = place else { return nil }
    let start = entry.byteRange.lowerBound - memory.headerSize + elements.lowerBound * entry.dtype.size
    return UnsafeMutableRawBufferPointer(rebasing: memory.bytes[start..<start + elements.count * entry.dtype.size])
  }

  /// Stores finished elements of an output tensor; those of one piece come in their order.
  func write(
    _ bytes: UnsafeRawBufferPointer, _ entry: TensorInfo, from element: Int, checksum: inout Checksum
  ) throws {
    guard case .output(let output, let journal) = place, let tensor = output.layout.place(entry.name) else { return }
    if journal != nil { ck_checksum_add(&checksum.journal, bytes.baseAddress, bytes.count) }
    if output.layout.needsChecksums {
      checksum.archive = CheckpointOutput.checksum(bytes, after: checksum.archive)
    }
    try output.write(bytes, of: tensor, from: element * entry.dtype.size)
  }

  /// Notes that a piece is written.
  func finish(_ piece: MixWork.Piece, of entry: TensorInfo, _ findings: MixWork.Findings, checksum: Checksum) {
    guard case .output(let output, let journal) = place, let tensor = output.layout.place(entry.name) else { return }
    let size = entry.dtype.size
    output.note(checksum.archive, of: piece.elements.lowerBound * size..<piece.elements.upperBound * size, of: tensor)
    guard let journal else { return }
    var checksum = checksum.journal
    journal.add(piece, MixJournal.Record(checksum: ck_checksum_value(&checksum), findings: findings))
  }

  /// What was found in a piece that an earlier process wrote; nil if it must be mixed.
  /// - Parameter buffer: memory to read into.
  func findings(
    inFinished piece: MixWork.Piece, of entry: TensorInfo, buffer: () -> UnsafeMutableRawBufferPointer
  ) -> MixWork.Findings? {
    guard case .output(let output, let journal?) = place, let record = journal.record(of: piece),
      let tensor = output.layout.place(entry.name), tensor.isStored
    else { return nil }
    let buffer = buffer()
    var checksum = Checksum()
    let start = piece.elements.lowerBound * entry.dtype.size
    let end = piece.elements.upperBound * entry.dtype.size
    for offset in stride(from: start, to: end, by: buffer.count) {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<min(buffer.count, end - offset)])
      guard output.read(into: part, of: tensor, from: offset) else { return nil }
      ck_checksum_add(&checksum.journal, part.baseAddress, part.count)
      if output.layout.needsChecksums {
        checksum.archive = CheckpointOutput.checksum(UnsafeRawBufferPointer(part), after: checksum.archive)
      }
    }
    guard ck_checksum_value(&checksum.journal) == record.checksum else { return nil }
    output.note(checksum.archive, of: start..<end, of: tensor)
    return record.findings
  }
}

/// Memory that several threads fill, each its own part.
private struct MixMemory: @unchecked Sendable {
  let bytes: UnsafeMutableRawBufferPointer
  let headerSize: Int
}

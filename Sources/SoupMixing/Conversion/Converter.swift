import CKernels
import SoupCheckpoints
import SoupTensors
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Copies a checkpoint into another format, another number of files, or another dtype.
///
/// Tensors that keep their dtype keep their bytes, the signs of zeros and the contents of NaN too; integer tensors always
/// do. Others are rounded once, to nearest even, and what that loses is counted. Memory stays small, the bytes are the
/// same with any number of threads, and a killed conversion is continued, as with a mix.
public struct Converter: Sendable {
  /// Threads to use; by default all cores that this process may use.
  public var threads: Int
  /// Outputs of this many bytes and more are continued after a crash.
  package var journalBytes = 64 << 20

  public init(threads: Int? = nil) {
    self.threads = max(1, threads ?? ProcessInfo.processInfo.activeProcessorCount)
  }

  /// Elements of one piece of work.
  private static let pieceElements = 1 << 18

  /// Converts a checkpoint.
  /// - Parameters:
  ///   - dtype: of the floating-point tensors; nil keeps each tensor's own.
  ///   - replacing: whether an existing output may be replaced; it may be the input.
  ///   - progress: called from several threads with the bytes read and the bytes in all.
  /// - Throws: `CheckpointError`, `MixError.Code.invalidRecipe` for a dtype of integers.
  public func convert(
    _ input: Checkpoint, to destination: CheckpointDestination, dtype: DType? = nil, replacing: Bool = true,
    progress: (@Sendable (Int, Int) -> Void)? = nil
  ) throws -> ConversionReport {
    if let dtype, !dtype.isFloatingPoint {
      throw MixError(.invalidRecipe, "tensors cannot be converted to \(dtype.name); name a floating-point dtype")
    }
    let start = ContinuousClock.now
    let items = input.entries.map { entry in
      SafetensorsLayout.Item(
        name: entry.name, dtype: entry.dtype.isFloatingPoint ? dtype ?? entry.dtype : entry.dtype, shape: entry.shape)
    }
    let layout = try CheckpointLayout(
      items, metadata: input.metadata, tiedNames: input.tiedNames, for: destination)
    let identity =
      layout.totalSize < journalBytes
      ? nil : MixIdentity(converting: input, to: destination, dtype: dtype, pieceElements: Self.pieceElements)
    let companions = destination.isFolder ? try FolderCompanions(copying: input.path, dtype: dtype) : nil
    let output = try CheckpointOutput(layout, to: destination, replacing: replacing, key: identity?.key)
    let journal = identity.flatMap { identity in
      output.journalPath.flatMap { MixJournal(path: $0, identity: identity.text, isContinued: output.isContinued) }
    }
    let tensors = zip(input.entries, items).map { entry, item in
      Conversion(
        source: entry,
        target: TensorInfo(
          name: item.name, dtype: item.dtype, shape: item.shape, byteRange: 0..<entry.count * item.dtype.size),
        isStored: layout.place(item.name)?.isStored ?? false)
    }
    var report = try run(
      tensors, of: input, into: MixTarget(output: output, journal: journal), progress: progress)
    try companions?.add(to: output)
    report.files = try output.commit()
    report.outputBytes = layout.totalSize
    report.seconds = (ContinuousClock.now - start) / .seconds(1)
    return report
  }

  /// One tensor: what it is, and what it becomes.
  private struct Conversion: Sendable {
    let source: TensorInfo
    let target: TensorInfo
    /// False for one that is stored as part of another.
    let isStored: Bool
  }

  private struct State {
    var completed = 0
    var continued = 0
    var losses: [Int: ck_losses] = [:]
  }

  private func run(
    _ tensors: [Conversion], of input: Checkpoint, into target: MixTarget, progress: (@Sendable (Int, Int) -> Void)?
  ) throws -> ConversionReport {
    var pieces: [MixWork.Piece] = []
    for (index, tensor) in tensors.enumerated() where tensor.isStored {
      for lower in stride(from: 0, to: tensor.source.count, by: Self.pieceElements) {
        pieces.append(
          .init(tensor: index, elements: lower..<min(lower + Self.pieceElements, tensor.source.count)))
      }
    }
    let work = pieces
    let total = work.reduce(0) { $0 + $1.elements.count * tensors[$1.tensor].source.dtype.size }
    let state = Mutex(State())
    let level = ck_best_level()
    try WorkQueue(threads: threads).run(work.count) {
      ReadBuffer(byteCount: 2 * 8 * Self.pieceElements)
    } body: { index, memory in
      let piece = work[index]
      let tensor = tensors[piece.tensor]
      let (from, to) = (tensor.source.dtype, tensor.target.dtype)
      let room = Self.pieceElements * 8
      let found = target.findings(inFinished: piece, of: tensor.target) { memory.part(byteCount: room) }
      var findings = found ?? MixWork.Findings()
      if found == nil {
        let stored = memory.part(byteCount: piece.elements.count * from.size)
        try input.read(tensor.source, elements: piece.elements, into: stored)
        var result = stored
        if from != to {
          result = memory.part(1, of: 2, byteCount: piece.elements.count * to.size)
          var losses = ck_losses()
          ck_convert(
            level, from.kernelCode, stored.baseAddress, to.kernelCode, result.baseAddress, piece.elements.count,
            &losses)
          findings = MixWork.Findings(losses)
        }
        var checksum = MixTarget.Checksum()
        try target.write(
          UnsafeRawBufferPointer(result), tensor.target, from: piece.elements.lowerBound, checksum: &checksum)
        target.finish(piece, of: tensor.target, findings, checksum: checksum)
      }
      let losses = findings.losses
      let done = state.withLock { state in
        state.completed += piece.elements.count * from.size
        if found != nil { state.continued += piece.elements.count * to.size }
        if losses.changed > 0 {
          let before = state.losses[piece.tensor] ?? ck_losses()
          state.losses[piece.tensor] = ck_losses(
            changed: before.changed + losses.changed, overflowed: before.overflowed + losses.overflowed,
            vanished: before.vanished + losses.vanished)
        }
        return state.completed
      }
      progress?(done, total)
    }
    let end = state.withLock { $0 }
    return ConversionReport(
      files: [], tensors: tensors.count, elements: tensors.reduce(0) { $0 + $1.source.count },
      inputBytes: tensors.reduce(0) { $0 + $1.source.byteRange.count }, outputBytes: 0,
      continuedBytes: end.continued,
      convertedElements: tensors.reduce(0) { $0 + ($1.source.dtype == $1.target.dtype ? 0 : $1.source.count) },
      seconds: 0, threads: min(threads, max(1, work.count)),
      losses: end.losses.sorted { $0.key < $1.key }.map { index, losses in
        let tensor = tensors[index]
        return .init(
          tensor: tensor.source.name, from: tensor.source.dtype.name, to: tensor.target.dtype.name,
          elements: tensor.source.count, changed: losses.changed, overflowed: losses.overflowed,
          vanished: losses.vanished)
      })
  }
}

/// In the journal, losses are findings under numbers that no ingredient has.
extension MixWork.Findings {
  fileprivate init(_ losses: ck_losses) {
    self.init()
    for (index, count) in [losses.changed, losses.overflowed, losses.vanished].enumerated() where count > 0 {
      nonFinite.append(.init(ingredient: -1 - index, count: count))
    }
  }

  fileprivate var losses: ck_losses {
    func count(_ number: Int) -> Int { nonFinite.first { $0.ingredient == number }?.count ?? 0 }
    return ck_losses(changed: count(-1), overflowed: count(-2), vanished: count(-3))
  }
}

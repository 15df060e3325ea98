import CKernels
import Dispatch
import SoupCheckpoints
import SoupTensors

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Mixes checkpoints block by block: memory stays small whatever their size, and the bytes are the same with any number
/// of threads.
///
/// ```swift
/// try Mixer().mix(.interpolate("zero-shot.safetensors", "fine-tuned.safetensors", alpha: 0.5), to: "soup.safetensors")
/// ```
public struct Mixer: Sendable {
  /// Threads to use; by default all cores that this process may use.
  public var threads: Int
  /// Bytes of anonymous memory that a mix may take, whatever the sizes and numbers of ingredients; a mix into memory takes
  /// the soup's own size besides.
  public var maximumMemory = Mixer.defaultMaximumMemory
  /// How ingredients are read; no difference to the result.
  public var inputMode = InputMode.read
  /// 256 MB.
  public static let defaultMaximumMemory = 256_000_000
  /// Outputs of this many bytes and more are continued after a crash; smaller ones are mixed again sooner than checked.
  package var journalBytes = 64 << 20
  /// Instruction set of the kernels; by default the best of this processor. All give the same bytes.
  var level: ck_level

  public init(threads: Int? = nil) {
    self.init(threads: threads, level: ck_best_level())
  }

  /// For comparing the kernels' instruction sets with each other.
  package init(threads: Int? = nil, level: ck_level) {
    self.threads = max(1, threads ?? ProcessInfo.processInfo.activeProcessorCount)
    self.level = level
  }

  /// Mixes into memory.
  /// - Throws: `CheckpointError`, `MixError`.
  public func mix(_ recipe: Recipe) throws -> StateDict {
    try mix(MixPlan(recipe)).soup
  }

  /// Mixes a checked recipe into memory, and says what was noticed.
  public func mix(
    _ plan: MixPlan, progress: (@Sendable (MixProgress) -> Void)? = nil
  ) throws -> (soup: StateDict, report: MixReport) {
    var report: MixReport?
    let headerSize = plan.layout.header.count
    let storage = try HostStorage(count: plan.layout.fileSize - headerSize) { memory in
      report = try run(plan, into: MixTarget(memory: memory, headerSize: headerSize), progress)
    }
    var soup = StateDict(metadata: plan.metadata)
    for entry in plan.layout.entries {
      let tensor = try HostTensor(
        dtype: entry.dtype, shape: entry.shape, storage: storage, byteOffset: entry.byteRange.lowerBound - headerSize)
      try soup.add(entry.name, tensor)
    }
    guard let report else { throw MixError(.invalidRecipe, "the soup has no tensors") }
    return (soup, report)
  }

  /// Mixes into a file or a folder, which appears only when it is complete.
  /// - Parameters:
  ///   - path: the output, whose name says its form (`CheckpointDestination`); may be one of the ingredients, which are read to the end before it takes their place.
  ///   - replacing: whether an existing file may be replaced.
  ///   - progress: called from several threads, once for every few megabytes.
  /// - Throws: `CheckpointError`, `MixError`; no partial output is left.
  @discardableResult
  public func mix(
    _ recipe: Recipe, to path: String, replacing: Bool = true, progress: (@Sendable (MixProgress) -> Void)? = nil
  ) throws -> MixReport {
    try mix(MixPlan(recipe), to: path, replacing: replacing, progress: progress)
  }

  /// Mixes a checked recipe into a file.
  ///
  /// If this process is killed, however that happens, the same call continues where it ended, as long as the recipe and
  /// the ingredients' files are the same: finished pieces of the hidden partial file are checked and kept.
  @discardableResult
  public func mix(
    _ plan: MixPlan, to path: String, replacing: Bool = true, progress: (@Sendable (MixProgress) -> Void)? = nil
  ) throws -> MixReport {
    try mix(plan, to: CheckpointDestination(path), replacing: replacing, progress: progress)
  }

  /// Mixes a checked recipe into a file or a folder of any form.
  /// - Parameter companions: what a folder has beside the tensors; nil for nothing.
  @discardableResult
  public func mix(
    _ plan: MixPlan, to destination: CheckpointDestination, replacing: Bool = true,
    companions: FolderCompanions? = nil, progress: (@Sendable (MixProgress) -> Void)? = nil
  ) throws -> MixReport {
    let start = ContinuousClock.now
    let layout = try plan.layout(for: destination)
    // The identity costs a look at every file, the journal a checksum: little, but nothing is less.
    let identity =
      layout.totalSize < journalBytes
      ? nil : try MixIdentity(plan, pieceElements: Self.pieceElements, destination: destination)
    let output = try CheckpointOutput(layout, to: destination, replacing: replacing, key: identity?.key)
    let journal = identity.flatMap { identity in
      output.journalPath.flatMap { MixJournal(path: $0, identity: identity.text, isContinued: output.isContinued) }
    }
    var report = try run(plan, into: MixTarget(output: output, journal: journal), progress)
    if destination.isFolder { try companions?.add(to: output) }
    report.files = try output.commit()
    report.outputBytes = layout.totalSize
    report.seconds = (ContinuousClock.now - start) / .seconds(1)
    return report
  }

  /// Letters and digits that stand for what decides the bytes of a mix: the recipe and the files' sizes and times.
  func key(of plan: MixPlan) throws -> String {
    try MixIdentity(plan, pieceElements: Self.pieceElements, destination: CheckpointDestination("stage.safetensors"))
      .key
  }

  /// Anonymous memory that mixing a plan into a file takes at most, in bytes.
  /// - Throws: `MixError.Code.memory`.
  func memoryBytes(for plan: MixPlan) throws -> Int { try workingSet(for: plan).bytes }

  private func workingSet(for plan: MixPlan) throws -> WorkingSet {
    try WorkingSet(plan, threads: threads, pieceElements: Self.pieceElements, limit: maximumMemory)
  }

  /// Elements of one piece of work, a run of blocks of one tensor.
  private static let pieceElements = 1 << 18

  private func run(
    _ plan: MixPlan, into target: MixTarget, _ progress: (@Sendable (MixProgress) -> Void)?
  ) throws -> MixReport {
    let start = ContinuousClock.now
    let work = MixWork(plan: plan, pieceElements: Self.pieceElements)
    let widest = plan.tensors.reduce(1) { max($0, $1.output.dtype.size, $1.sources.map(\.info.dtype.size).max() ?? 1) }
    let ingredients = plan.tensors.reduce(1) { max($0, $1.sources.count) }
    let sizes = try workingSet(for: plan)
    let level = level
    let surveys = SurveyBoard(plan: plan, runElements: Self.pieceElements)
    let workers = min(sizes.threads, max(1, work.pieceCount))
    let readAhead = inputMode == .read ? ReadAhead(plan: plan, window: (workers + 2) * Self.pieceElements) : nil
    let isMapped = inputMode == .mmap

    DispatchQueue.concurrentPerform(iterations: workers) { _ in
      let worker = MixWorker(
        plan: plan, work: work, surveys: surveys, target: target, readAhead: readAhead,
        blockElements: sizes.blockElements,
        block: MergeBlock(
          checkpoints: plan.checkpoints, ingredients: ingredients, capacity: sizes.blockElements * widest,
          limit: sizes.allocationLimit, isMapped: isMapped, level: level))
      while let piece = work.next() {
        do {
          let completed = try worker.mix(piece)
          let name = plan.tensors[piece.tensor].output.name
          progress?(MixProgress(completedBytes: completed, totalBytes: plan.inputBytes, tensor: name))
        } catch {
          work.fail(error)
        }
      }
    }

    let result = try work.result()
    return MixReport(
      ingredients: plan.checkpoints.count, files: [], tensors: plan.tensors.count,
      elements: plan.tensors.reduce(0) { $0 + $1.output.count }, inputBytes: plan.inputBytes,
      outputBytes: plan.layout.fileSize, continuedBytes: result.continuedBytes,
      seconds: (ContinuousClock.now - start) / .seconds(1), threads: workers,
      instructions: String(cString: ck_level_name(level)), nonFinite: result.nonFinite,
      differingIntegers: result.differingIntegers)
  }
}

import Dispatch
import SoupCheckpoints
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How much of the files a lock vouches for.
public enum LockDetail: String, Codable, Sendable, CaseIterable {
  /// SHA-256 of every file, taken while the mix reads the same pages; that of an unchanged file is known from before.
  case sha256
  /// A sample of every file: milliseconds.
  case sample
}

/// Takes down what a soup is made of while it is mixed.
///
/// ```swift
/// let soup = try CheckpointDestination("soup.safetensors")
/// let recorder = try LockRecorder(recipe, to: soup)              // begins to hash the ingredients
/// let report = try Mixer().mix(MixPlan(recipe), to: soup)
/// try recorder.finish(report)                                    // hashes the soup, writes soup.lock
/// ```
///
/// Ingredients are hashed on threads of their own while the mix reads them, so that each comes from the disk once.
public final class LockRecorder: Sendable {
  private struct Item {
    let path: String
    let state: FileState
    /// Index of the input.
    let input: Int
    var known: String?
    var isWanted = false
  }

  private struct State {
    var files: [Int: SoupLock.File] = [:]
    var error: (any Error)?
    var isCancelled = false
    var hashedBytes = 0
  }

  private let stages: [SoupLock.Stage]
  private let detail: LockDetail
  private let output: CheckpointDestination
  private let inputs: [(name: String, path: String)]
  private let items: [Item]
  private let queue: WorkQueue
  private let cache: HashCache
  private let state = Mutex(State())
  private let group = DispatchGroup()

  /// Looks at the ingredients' files and begins to hash them.
  /// - Parameters:
  ///   - stages: the mixes; names of earlier ones are no ingredients.
  ///   - output: where the soup will be.
  ///   - cachesHashes: whether hashes of unchanged files are kept in this user's cache and found there.
  /// - Throws: `CheckpointError`, `LockError.Code.changedMeanwhile`.
  public init(
    _ stages: [RecipeFile.Stage], to output: CheckpointDestination, detail: LockDetail = .sha256,
    threads: Int? = nil, cachesHashes: Bool = true
  ) throws {
    self.stages = stages.map { SoupLock.Stage(name: $0.name, recipe: $0.recipe) }
    self.detail = detail
    self.output = output
    queue = WorkQueue(threads: max(1, threads ?? ProcessInfo.processInfo.activeProcessorCount))
    cache = cachesHashes && detail != .sample ? .standard : HashCache(path: nil)
    var inputs: [(String, String)] = []
    var items: [Item] = []
    let results = Set(stages.dropLast().compactMap(\.name))
    for stage in stages {
      for name in stage.recipe.paths where !results.contains(name) && !inputs.contains(where: { $0.0 == name }) {
        let checkpoint = try Checkpoint(contentsOf: name)
        for path in checkpoint.files {
          let state = FileState(path)
          items.append(Item(path: path, state: state, input: inputs.count, known: cache[state]))
        }
        inputs.append((name, name))
      }
    }
    for index in items.indices { items[index].isWanted = detail == .sha256 && items[index].known == nil }
    self.inputs = inputs
    self.items = items
    // The output may take the place of an ingredient, which must be hashed before.
    let place = LockPaths.absolute(output.path)
    let first = items.indices.filter { LockPaths.absolute(items[$0].path) == place }
    for index in first { try record(index) }
    let rest = items.indices.filter { !first.contains($0) }
    begin(rest.count) { [self] piece in try record(rest[piece]) }
  }

  /// For a mix of one recipe.
  public convenience init(
    _ recipe: Recipe, to output: CheckpointDestination, detail: LockDetail = .sha256, cachesHashes: Bool = true
  ) throws {
    try self.init([.init(name: nil, recipe: recipe)], to: output, detail: detail, cachesHashes: cachesHashes)
  }

  deinit { cancel() }

  /// Bytes to be hashed and hashed so far, without the output.
  public var progress: (hashed: Int, total: Int) {
    (state.withLock { $0.hashedBytes }, items.reduce(0) { $0 + ($1.isWanted ? $1.state.bytes : 0) })
  }

  /// Stops hashing; nothing is written.
  public func cancel() { state.withLock { $0.isCancelled = true } }

  /// Hashes the soup, beside ingredients that are not hashed yet, and writes the lock.
  /// - Parameters:
  ///   - report: of the mix that wrote the soup.
  ///   - progress: called a few times a second with the bytes hashed so far and in all.
  /// - Returns: the lock and its path.
  @discardableResult
  public func finish(
    _ report: MixReport, progress: ((Int, Int) -> Void)? = nil
  ) throws -> (lock: SoupLock, path: String) {
    let soups = Mutex<[Int: SoupLock.File]>([:])
    begin(report.files.count) { [self] index in
      let path = report.files[index]
      let file = try record(path, FileState(path), known: nil, isWanted: detail == .sha256)
      soups.withLock { $0[index] = file }
    }
    let total = self.progress.total + (detail == .sha256 ? report.files.reduce(0) { $0 + FileState($1).bytes } : 0)
    while group.wait(timeout: .now() + .milliseconds(100)) == .timedOut { progress?(self.progress.hashed, total) }
    let (files, error) = state.withLock { ($0.files, $0.error) }
    if let error { throw error }
    let lockPath = SoupLock.path(for: output.path, folder: output.isFolder)
    let paths = LockPaths(lock: lockPath)
    var recorded = inputs.map { SoupLock.Input(name: $0.name, path: paths.stored($0.path), files: []) }
    for (index, item) in items.enumerated() {
      guard var file = files[index] else { continue }
      file.path = paths.stored(file.path)
      recorded[item.input].files.append(file)
    }
    let lock = SoupLock(
      stages: stages,
      soup: SoupLock.Form(
        path: paths.stored(output.path), format: output.format, isFolder: output.isFolder, shardSize: output.shardSize),
      inputs: recorded,
      outputs: soups.withLock { soups in
        report.files.indices.compactMap { soups[$0] }.map { file in
          var file = file
          file.path = paths.stored(file.path)
          return file
        }
      })
    try lock.write(to: lockPath)
    return (lock, lockPath)
  }

  /// Hashes in the background.
  private func begin(_ count: Int, _ hash: @escaping @Sendable (Int) throws -> Void) {
    group.enter()
    let body: @Sendable () -> Void = { [self] in
      defer { group.leave() }
      do {
        try queue.run(count, body: hash)
      } catch {
        state.withLock { $0.error = $0.error ?? error }
      }
    }
    DispatchQueue.global().async(execute: body)
  }

  private func record(_ index: Int) throws {
    let item = items[index]
    guard !state.withLock({ $0.isCancelled }) else { return }
    let file = try record(item.path, item.state, known: item.known, isWanted: item.isWanted)
    guard FileState(item.path) == item.state else {
      throw LockError(
        .changedMeanwhile, item.path, "changed while it was mixed", advice: "mix again when nothing writes to it")
    }
    state.withLock { $0.files[index] = file }
  }

  private func record(_ path: String, _ before: FileState, known: String?, isWanted: Bool) throws -> SoupLock.File {
    var hash = known
    if hash == nil, isWanted {
      hash = try FileDigest.sha256(
        path, progress: { bytes in state.withLock { $0.hashedBytes += bytes } },
        isCancelled: { state.withLock { $0.isCancelled } })
      if let hash { cache.add(hash, of: path, before) }
    }
    return SoupLock.File(path: path, bytes: before.bytes, sha256: hash, sample: try FileDigest.sample(path))
  }
}

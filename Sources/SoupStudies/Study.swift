import Foundation

/// A study in its folder: the file, the graph that it expands to, where each run lives and how it stands.
///
/// ```
/// runs/my-study/
///   study.yaml           the file as it was last run
///   study.sqlite         the store
///   study.lock           held by the process that runs the study
///   runs/greedy-1f0c…/   a folder for each run, named by what it is and by its identity
///   slurm/               sbatch scripts
/// ```
public final class Study {
  public let file: StudyFile
  public let graph: StudyGraph
  public let folder: String
  public let store: StudyStore
  /// Whether this process may change anything.
  public let isWriter: Bool
  public private(set) var identities: [String: RunIdentity] = [:]
  /// The present runs by name, as last known.
  public internal(set) var runs: [String: StudyStore.Run] = [:]
  private let lock: FileLock?
  private let program: String

  /// How a study is opened.
  public enum Access: Sendable {
    /// To run it: creates the folder and fails when another process runs it.
    case write
    /// To see what would be run: nothing is written, begun or not.
    case preview
    /// To look at it: takes the lock for a moment when it is free, to collect results, and only reads otherwise.
    case read
    /// To read what was found, as it was run last: nothing that it read, such as data, needs to be there any more, and its folder
    /// may have moved.
    case results
  }

  /// Opens the study.
  /// - Parameters:
  ///   - folder: where everything of the study is kept.
  ///   - program: the `soup` that runs call.
  /// - Throws: `StudyError`: `busy`, `not-started`, `missing-input`, `cannot-write`, `invalid-file`.
  public init(_ file: StudyFile, folder: String, program: String, access: Access) throws {
    self.file = file
    self.folder = folder
    self.program = program
    graph = try file.graph()
    if access == .read || access == .results, FileStatus(folder + "/study.sqlite") == nil {
      throw StudyError(
        .notStarted, folder, "nothing of this study was run yet", advice: "start it with 'soup study run'")
    }
    if access == .preview {
      (lock, isWriter) = (nil, false)
      let path = folder + "/study.sqlite"
      store = try FileStatus(path) == nil ? StudyStore() : StudyStore(path: path, readOnly: true)
      try plan(remembering: false)
      return
    }
    if access == .results {
      // Where nothing may be written, it is read all the same.
      lock = try? FileLock(folder + "/study.lock", inherited: false)
      isWriter = lock != nil
      store = try StudyStore(path: folder + "/study.sqlite", readOnly: lock == nil)
      try recall()
      return
    }
    do {
      try FileManager.default.createDirectory(atPath: folder + "/runs", withIntermediateDirectories: true)
    } catch {
      throw StudyError(.cannotWrite, folder, "cannot be made: \(error.localizedDescription)")
    }
    let lock = try FileLock(folder + "/study.lock", inherited: false)
    if lock == nil, access == .write {
      let holder = FileManager.default.contents(atPath: folder + "/study.lock").map {
        String(decoding: $0, as: UTF8.self)
      }
      throw StudyError(
        .busy, folder, "another process runs this study\(holder.map { " (\($0))" } ?? "")",
        advice: "look at it with 'soup study status'")
    }
    lock?.note("process \(getpid()) on \(Job.host)")
    self.lock = lock
    isWriter = lock != nil
    store = try StudyStore(path: folder + "/study.sqlite", readOnly: lock == nil)
    try plan(remembering: access == .write)
  }

  /// The folder of a run.
  public func runFolder(_ run: StudyStore.Run) -> RunFolder { RunFolder(folder + "/runs/" + run.folder) }

  /// Runs as they stand, in the order of the graph.
  public var currentRuns: [StudyStore.Run] { graph.runs.compactMap { runs[$0.name] } }

  /// Identities, folders and states of all runs. Results that exist are found, whichever version of the file made them.
  private func plan(remembering: Bool) throws {
    let fingerprints = Fingerprints(known: try store.fingerprints())
    try checkInputs()
    let known = try store.everyRun()
    for run in graph.runs {
      let identity = try RunIdentity(run, identities: identities) { try fingerprints($0) }
      identities[run.name] = identity
      var record =
        known[identity.hash]
        ?? StudyStore.Run(
          id: identity.hash, name: run.name, kind: run.kind, folder: identity.folder(run.name), state: .waiting,
          command: "", needs: "")
      record.name = run.name
      record.position = runs.count
      // Two runs of one identity do the same work; the later one is the first one's result under another name.
      if let twin = runs.values.first(where: { $0.id == record.id }) {
        throw StudyError(
          .invalidFile, nil, "'\(run.name)' and '\(twin.name)' are the same run: \(ShellWords.join(words(run)))",
          advice: "give one of them other options, or leave it out")
      }
      runs[run.name] = record
      record.command = try JSONValue(encoding: words(run)).line
      record.needs = try JSONValue(encoding: run.needs).line
      runs[run.name] = record
    }
    refresh()
    guard isWriter, remembering || known.values.contains(where: { $0.position != nil }) else { return }
    try store.save(fingerprints.computed)
    if remembering {
      try AtomicText.write(file.text, to: folder + "/study.yaml")
      try store.replaceCurrent(by: currentRuns)
    } else {
      try store.save(currentRuns.filter { known[$0.id] != nil })
    }
  }

  /// Runs as the store has them.
  private func recall() throws {
    let known = Dictionary(try store.runs().map { ($0.name, $0) }) { first, _ in first }
    for run in graph.runs {
      runs[run.name] =
        known[run.name]
        ?? StudyStore.Run(
          id: "", name: run.name, kind: run.kind, folder: run.name, state: .waiting, command: "", needs: "")
    }
    refresh()
  }

  private func checkInputs() throws(StudyError) {
    var paths: Set<String> = []
    for run in graph.runs {
      paths.formUnion(run.readings)
      for case .file(let path) in run.words { paths.insert(path) }
    }
    let missing = paths.filter { FileStatus($0) == nil }.sorted()
    guard missing.isEmpty else {
      throw StudyError(
        .missingInput, nil, "the study needs files that do not exist:\n  " + missing.joined(separator: "\n  "),
        advice: "relative paths begin in the present folder")
    }
  }

  /// The command line of a run, program first, as it stands now.
  public func words(_ run: RunSpecification) -> [String] {
    [program]
      + run.words.map { word in
        switch word {
        case .text(let text), .detail(let text): text
        case .file(let path): path
        case .result(let name, let file): runFolder(runs[name]!)[file]
        case .output(let file): runs[run.name].map { runFolder($0)[file] } ?? file
        }
      }
  }

  // MARK: States

  /// Looks into the folders of all runs that are not known to be done.
  func refresh() {
    for run in graph.runs { refresh(run.name) }
    settle()
  }

  /// Looks into one run's folder. Returns the state: `done`, `failed`, `running` while its lock is held, else `waiting`.
  @discardableResult func refresh(_ name: String) -> StudyStore.Run.State {
    var run = runs[name]!
    let specification = graph[name]!
    let folder = runFolder(run)
    if folder.isDone(run.id, outputs: specification.outputs), let result = folder.result {
      if run.state != .done || run.printed == nil {
        run.printed = folder.printed.map(\.line).joined(separator: "\n")
        note(result, in: &run)
        run.error = nil
      }
      run.state = .done
    } else if FileLock.isHeld(folder["lock"]) {
      run.state = .running
    } else if let result = folder.result, !result.ok, result.id == run.id {
      run.state = .failed
      note(result, in: &run)
      run.error = result.error
    } else {
      run.state = .waiting
      run.printed = nil
    }
    runs[name] = run
    return run.state
  }

  private func note(_ result: RunFolder.Result, in run: inout StudyStore.Run) {
    run.started = result.started
    run.finished = result.finished
    run.host = result.host
    run.threads = result.threads == 0 ? nil : result.threads
    run.attempts = result.attempt
  }

  /// Derives `ready`, `waiting` and `blocked` from the runs that each run needs.
  func settle() {
    for specification in graph.runs {
      guard var run = runs[specification.name], [.waiting, .ready, .blocked].contains(run.state) else { continue }
      let needs = specification.needs.map { runs[$0]!.state }
      run.state =
        needs.contains { $0 == .failed || $0 == .blocked }
        ? .blocked : needs.allSatisfy { $0 == .done } ? .ready : .waiting
      runs[specification.name] = run
    }
  }

  /// Sets a run's state here and in the store.
  func set(_ name: String, _ state: StudyStore.Run.State, slurm: String? = nil) throws {
    runs[name]!.state = state
    if let slurm { runs[name]!.slurm = slurm }
    try store.save([runs[name]!])
  }

  /// After an attempt: keeps what the job noted.
  func collect(_ name: String) throws -> StudyStore.Run.State {
    let state = refresh(name)
    let run = runs[name]!
    let events = runFolder(run).events
    runs[name]!.attempts = events.map(\.attempt).max() ?? run.attempts
    try store.save([runs[name]!])
    try store.save(attempts: events, of: run.id)
    return state
  }

  /// Writes what the job of a run is told.
  func prepare(_ name: String) throws -> RunFolder {
    let run = runs[name]!
    let specification = graph[name]!
    let folder = runFolder(run)
    do {
      try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
    } catch {
      throw StudyError(.cannotWrite, folder.path, "cannot be made: \(error.localizedDescription)")
    }
    let manifest = RunFolder.Manifest(
      id: run.id, name: name, kind: run.kind, command: words(specification),
      directory: FileManager.default.currentDirectoryPath,
      inputs: specification.words.compactMap {
        if case .result(let name, let file) = $0 { runFolder(runs[name]!)[file] } else { nil }
      }, outputs: specification.outputs, takesThreads: specification.takesThreads)
    if folder.manifest != manifest { try folder.write(manifest) }
    return folder
  }

  /// Forgets that runs failed, so that they are tried again.
  func forgetFailures() throws {
    for (name, run) in runs where run.state == .failed || run.state == .blocked { runs[name]!.state = .waiting }
    settle()
    try store.save(currentRuns)
  }

  /// Runs by state.
  public var counts: [StudyStore.Run.State: Int] {
    Dictionary(grouping: runs.values, by: \.state).mapValues(\.count)
  }
}

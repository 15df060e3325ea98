import Foundation

/// Does one run: starts its command and writes down in its folder what came of it.
///
/// A local worker, a task of a Slurm array and a person at a prompt all do the same: `soup study job FOLDER`. Nothing but
/// the folder is touched, so that any number of machines can work on one study without a database between them.
public struct Job {
  public enum Outcome: Sendable, Hashable {
    /// It was done before.
    case already
    case done
    case failed(String)
    /// Asked to stop; what it had finished is kept, and the next attempt goes on.
    case stopped
  }

  public let folder: RunFolder
  /// Passed on as `--threads`; nil leaves it to the command.
  public let threads: Int?

  public init(folder path: String, threads: Int? = nil) {
    folder = RunFolder(URL(fileURLWithPath: path).standardizedFileURL.path)
    self.threads = threads
  }

  /// Runs the command to its end.
  /// - Parameter stops: how often this process was asked to stop; looked at many times a second.
  /// - Throws: `StudyError` if the folder is no run's, its inputs are not there, or another process works on it.
  public func run(stops: () -> Int = { StopRequest.count }) throws(StudyError) -> Outcome {
    guard let manifest = folder.manifest else {
      throw StudyError(
        .cannotRead, folder["run.json"], "is not there, or is not a run's", advice: "'soup study run' writes it")
    }
    guard chdir(manifest.directory) == 0 else {
      throw StudyError(.missingInput, manifest.directory, "the folder that the study was started in is gone")
    }
    let lock = try waitForLock(stops)
    defer { withExtendedLifetime(lock) {} }
    if folder.isDone(manifest.id, outputs: manifest.outputs) { return .already }
    unlink(folder["result.json"])
    let attempt = (folder.events.map(\.attempt).max() ?? 0) + 1
    try folder.append(event(.begin, attempt))
    let started = Date().timeIntervalSince1970
    let (ending, wasStopped) = try perform(manifest, attempt, stops)
    let missing = manifest.outputs.filter { FileStatus(folder[$0]) == nil }
    let isDone = ending == .exit(0) && missing.isEmpty
    if wasStopped, !isDone {
      try folder.append(event(.stopped, attempt))
      return .stopped
    }
    var result = RunFolder.Result(
      id: manifest.id, ok: isDone, started: started, finished: Date().timeIntervalSince1970, host: Self.host,
      threads: threads ?? 0, attempt: attempt)
    if isDone {
      guard rename(folder["output.partial"], folder[RunSpecification.printed]) == 0 else {
        throw .writing(folder[RunSpecification.printed])
      }
    } else {
      result.error = describe(ending, missing)
      if case .exit(let code) = ending { result.exit = Int(code) }
      if case .signal(let number) = ending { result.signal = Int(number) }
    }
    try folder.write(result)
    try folder.append(event(isDone ? .done : .failed, attempt, result.error))
    return isDone ? .done : .failed(result.error!)
  }

  private func perform(
    _ manifest: RunFolder.Manifest, _ attempt: Int, _ stops: () -> Int
  ) throws(StudyError) -> (ChildProcess.Ending, wasStopped: Bool) {
    let absent = manifest.inputs.filter { FileStatus($0) == nil }
    guard absent.isEmpty else {
      throw StudyError(
        .missingInput, folder.path, "the runs before it have not written \(absent.joined(separator: ", "))",
        advice: "'soup study run' starts runs in their order")
    }
    // A training and a table of pairs go on from what they have; other commands refuse to overwrite.
    if manifest.kind != .train, manifest.kind != .pairs { for output in manifest.outputs { unlink(folder[output]) } }
    var command = manifest.command
    if let threads, manifest.takesThreads { command += ["--threads", String(threads)] }
    note("attempt \(attempt) on \(Self.host): \(ShellWords.join(command))")
    let child = try ChildProcess(command, output: folder["output.partial"], errors: folder["log"])
    var passedOn = 0
    var pause: UInt32 = 1000
    while true {
      if let ending = child.ending() { return (ending, passedOn > 0) }
      let asked = stops()
      if asked > passedOn {
        child.signal(passedOn == 0 ? SIGTERM : SIGKILL)
        passedOn = asked
      }
      usleep(pause)
      pause = min(pause * 2, 20_000)
    }
  }

  /// The lock of the folder. What an earlier attempt has left running is waited for: two trainings must not share a state.
  private func waitForLock(_ stops: () -> Int) throws(StudyError) -> FileLock {
    let deadline = Date(timeIntervalSinceNow: 120)
    while true {
      if let lock = try FileLock(folder["lock"], inherited: true) { return lock }
      guard Date() < deadline, stops() == 0 else {
        throw StudyError(.busy, folder.path, "another process works on this run", advice: "wait for it, or end it")
      }
      usleep(100_000)
    }
  }

  private func describe(_ ending: ChildProcess.Ending, _ missing: [String]) -> String {
    let what =
      switch ending {
      case .exit(0): "it ended well, but has not written \(missing.joined(separator: ", "))"
      case .exit(let code): "exit code \(code)"
      case .signal(SIGKILL): "killed by signal 9: by someone, or for want of memory"
      case .signal(let number): "ended by signal \(number)"
      }
    let tail = folder.logTail()
    return tail.isEmpty ? what : what + "\n" + tail
  }

  private func note(_ text: String) {
    guard let handle = fopen(folder["log"], "a") else { return }
    fputs("# \(text)\n", handle)
    fclose(handle)
  }

  private func event(_ kind: RunFolder.Event.Kind, _ attempt: Int, _ error: String? = nil) -> RunFolder.Event {
    RunFolder.Event(
      event: kind, attempt: attempt, time: Date().timeIntervalSince1970, host: Self.host, slurm: Self.slurmTask,
      error: error)
  }

  // Not Foundation's, which asks the network.
  static let host: String = {
    var name = [UInt8](repeating: 0, count: 257)
    _ = name.withUnsafeMutableBytes { gethostname($0.baseAddress!.assumingMemoryBound(to: CChar.self), 256) }
    return String(decoding: name.prefix { $0 != 0 }, as: UTF8.self)
  }()

  private static var slurmTask: String? {
    let environment = ProcessInfo.processInfo.environment
    if let array = environment["SLURM_ARRAY_JOB_ID"], let task = environment["SLURM_ARRAY_TASK_ID"] {
      return array + "_" + task
    }
    return environment["SLURM_JOB_ID"]
  }
}

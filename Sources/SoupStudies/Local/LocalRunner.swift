import Foundation

/// Runs a study on this machine: a bounded number of runs at a time, each with its share of the cores.
///
/// May be killed at any moment. Runs that were going on then go on by themselves and are waited for by the next one that
/// runs the study; asked to stop, it stops them first, and trainings keep what they have.
public struct LocalRunner {
  public let study: Study
  public let workers: Int
  public let cores: Int
  /// The command that does one run: a folder and `--threads n` are added.
  public let job: [String]

  public init(_ study: Study, workers: Int? = nil, cores: Int? = nil, job: [String]) {
    self.study = study
    let present = cores ?? ProcessInfo.processInfo.activeProcessorCount
    self.cores = present
    self.workers = workers ?? study.file.workers ?? min(8, present)
    self.job = job
  }

  /// Runs everything that is not done.
  /// - Parameters:
  ///   - stops: how often the process was asked to stop; after the second time runs are killed.
  ///   - progress: called on every change, and now and then in between.
  public func run(
    stops: () -> Int = { StopRequest.count }, progress: (StudyProgress) throws -> Void = { _ in }
  ) throws -> StudyOutcome {
    study.refresh()
    try study.forgetFailures()
    let state = State(threads: study.graph.threads(cores: cores, workers: workers), estimate: TimeEstimate(study.graph))
    for run in study.currentRuns where run.state == .done { state.estimate.add(run) }
    // What an earlier process left running.
    for run in study.currentRuns where run.state == .running { state.active[run.name] = .adopted }
    // Runs are children of this thread and in their own groups: leaving early must not leave them behind.
    defer { if !state.active.isEmpty { end(state, with: SIGTERM) } }

    var asked = 0
    var pause: UInt32 = 2000
    var lastTick = Date()
    func report(_ event: StudyProgress.Event) throws {
      let counts = study.counts
      try progress(
        StudyProgress(
          event: event, done: counts[.done] ?? 0, total: study.graph.runs.count,
          running: study.graph.runs.map(\.name).filter { state.active[$0] != nil },
          failed: counts[.failed] ?? 0,
          secondsLeft: state.estimate.left(
            study.currentRuns, workers: workers, now: Date().timeIntervalSince1970)))
    }

    while true {
      if stops() > asked {
        end(state, with: asked == 0 ? SIGTERM : SIGKILL)
        asked = stops()
      }
      var changed = try reap(state, stopping: asked > 0, report: report)
      if asked > 0 {
        if state.active.values.allSatisfy(\.isAdopted) { return .stopped }
      } else {
        changed = try start(state, report: report) || changed
        if state.active.isEmpty { break }
      }
      if !changed, Date().timeIntervalSince(lastTick) > 0.5 {
        lastTick = Date()
        try report(.waiting)
      }
      pause = changed ? 2000 : min(pause * 2, 50_000)
      usleep(pause)
    }
    let failed = study.currentRuns.filter { $0.state == .failed }.map(\.name)
    return failed.isEmpty ? .complete : .failed(failed)
  }

  // MARK: Private

  private enum Worker {
    case child(ChildProcess)
    /// Started by a process that is no more.
    case adopted

    var isAdopted: Bool { if case .adopted = self { true } else { false } }
  }

  private final class State {
    let threads: [String: Int]
    var estimate: TimeEstimate
    var active: [String: Worker] = [:]
    var failures: [String: Int] = [:]

    init(threads: [String: Int], estimate: TimeEstimate) {
      self.threads = threads
      self.estimate = estimate
    }
  }

  /// Takes in what has ended.
  private func reap(
    _ state: State, stopping: Bool, report: (StudyProgress.Event) throws -> Void
  ) throws -> Bool {
    var changed = false
    for (name, worker) in state.active.sorted(by: { $0.key < $1.key }) {
      if case .child(let child) = worker, child.ending() == nil { continue }
      if worker.isAdopted, FileLock.isHeld(study.runFolder(study.runs[name]!)["lock"]) { continue }
      state.active[name] = nil
      changed = true
      var result = try study.collect(name)
      // The job itself was killed, and its command lives: that is waited for.
      if result == .running {
        state.active[name] = .adopted
        continue
      }
      if result == .waiting, !stopping {
        result = .failed
        study.runs[name]!.error = lost(name)
      }
      if result == .failed {
        state.failures[name, default: 0] += 1
        let retry = state.failures[name]! <= study.file.retries && !stopping
        let error = study.runs[name]!.error ?? "failed"
        try study.set(name, retry ? .waiting : .failed)
        study.settle()
        try study.store.save(study.currentRuns)
        try report(.failed(name, error: error, retry: retry))
      } else if result == .done {
        state.estimate.add(study.runs[name]!)
        study.settle()
        try report(.finished(name, seconds: study.runs[name]!.seconds ?? 0))
      } else {
        study.settle()
      }
    }
    return changed
  }

  private func start(_ state: State, report: (StudyProgress.Event) throws -> Void) throws -> Bool {
    var changed = false
    for specification in study.graph.runs where state.active.count < workers {
      let name = specification.name
      guard study.runs[name]!.state == .ready else { continue }
      let folder = try study.prepare(name)
      let command = job + [folder.path, "--threads", String(state.threads[name] ?? 1)]
      unlink(folder["job.log"])
      let child = try ChildProcess(command, output: "/dev/null", errors: folder["job.log"])
      state.active[name] = .child(child)
      study.runs[name]!.started = Date().timeIntervalSince1970
      study.runs[name]!.finished = nil
      try study.set(name, .running)
      changed = true
      try report(.started(name))
    }
    return changed
  }

  private func end(_ state: State, with signal: Int32) {
    for case .child(let child) in state.active.values {
      // The job passes the first one on to its command; the second one is meant for both.
      child.signal(signal == SIGKILL ? SIGTERM : signal)
    }
  }

  private func lost(_ name: String) -> String {
    let folder = study.runFolder(study.runs[name]!)
    let notes = FileManager.default.contents(atPath: folder["job.log"]).map { String(decoding: $0, as: UTF8.self) }
    let last = notes?.split(separator: "\n").last.map { ": \($0)" } ?? ""
    let tail = folder.logTail()
    return "it ended without a result\(last)" + (tail.isEmpty ? "" : "\n" + tail)
  }
}

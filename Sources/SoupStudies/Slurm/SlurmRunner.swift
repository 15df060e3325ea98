import Foundation

/// Runs a study on a Slurm cluster: job arrays that depend on each other, results collected from files.
///
/// Every task calls `soup study job`, as a local worker does, and leaves `result.json`; this process alone writes the
/// store. It may end at any time: the jobs go on, and the next one that runs the study collects what they have left.
public struct SlurmRunner {
  public let study: Study
  /// The program that tasks call as `PROGRAM study job FOLDER`.
  public let program: String
  /// Whether to stay until everything is done; else jobs are handed in, and that is all.
  public let waits: Bool
  /// Seconds between looks at the queue.
  public let interval: Double
  private let client = SlurmClient()

  /// Slurm's default for `MaxArraySize` is 1001.
  static let largestArray = 1000
  /// Tasks that were stopped, or cancelled before they began, are no failures; they are not handed in for ever either.
  static let mostSubmissions = 50

  public init(_ study: Study, program: String, waits: Bool = true, interval: Double = 5) {
    self.study = study
    self.program = program
    self.waits = waits
    self.interval = interval
  }

  public func run(
    stops: () -> Int = { StopRequest.count }, progress: (StudyProgress) throws -> Void = { _ in }
  ) throws -> StudyOutcome {
    let state = State(study)
    func report(_ event: StudyProgress.Event) throws {
      let counts = study.counts
      let running = study.currentRuns.filter { $0.state == .running }
      try progress(
        StudyProgress(
          event: event, done: counts[.done] ?? 0, total: study.graph.runs.count, running: running.map(\.name),
          failed: counts[.failed] ?? 0,
          secondsLeft: state.estimate.left(
            study.currentRuns, workers: max(1, running.count), now: Date().timeIntervalSince1970)))
    }
    while true {
      try collect(state, report)
      study.settle()
      try submit(state, report)
      try study.store.save(study.currentRuns)
      if state.active.isEmpty { break }
      guard waits else { return .submitted }
      try report(.waiting)
      let next = Date(timeIntervalSinceNow: interval)
      while Date() < next {
        if stops() > 0 { return .submitted }
        usleep(100_000)
      }
    }
    let failed = study.currentRuns.filter { $0.state == .failed }.map(\.name)
    return failed.isEmpty ? .complete : .failed(failed)
  }

  // MARK: Private

  private final class State {
    /// `job_task` of every run that was handed in.
    var active: [String: String] = [:]
    /// Looks at the queue without finding the task and without finding a result.
    var absences: [String: Int] = [:]
    var failures: [String: Int] = [:]
    var submissions: [String: Int] = [:]
    var estimate: TimeEstimate

    init(_ study: Study) {
      estimate = TimeEstimate(study.graph)
      let handedIn = study.currentRuns.filter { $0.slurm != nil && ($0.state == .queued || $0.state == .running) }
      study.refresh()
      for run in study.currentRuns where run.state == .failed || run.state == .blocked {
        study.runs[run.name]!.state = .waiting
      }
      for run in study.currentRuns where run.state == .done { estimate.add(run) }
      for run in handedIn where study.runs[run.name]!.state != .done {
        active[run.name] = run.slurm
        study.runs[run.name]!.state = .queued
      }
    }
  }

  /// Takes in what jobs have written, and notices those that are gone.
  private func collect(_ state: State, _ report: (StudyProgress.Event) throws -> Void) throws {
    guard !state.active.isEmpty else { return }
    let queue = client.queue()
    for (name, task) in state.active.sorted(by: { $0.key < $1.key }) {
      let folder = study.runFolder(study.runs[name]!)
      if folder.isDone(study.runs[name]!.id, outputs: study.graph[name]!.outputs) {
        state.active[name] = nil
        _ = try study.collect(name)
        state.estimate.add(study.runs[name]!)
        try report(.finished(name, seconds: study.runs[name]!.seconds ?? 0))
        continue
      }
      let events = folder.events.filter { $0.slurm == task }
      if events.last?.event == .failed {
        try fail(name, events.last?.error ?? "failed", state, report)
      } else if let entry = queue?[task] {
        state.absences[name] = nil
        if entry.reason == "DependencyNeverSatisfied" {
          client.cancel([task])
          state.active[name] = nil
          study.runs[name]!.state = .waiting
        } else {
          study.runs[name]!.state = entry.state == "PENDING" ? .queued : .running
          if let begin = events.last(where: { $0.event == .begin }) { study.runs[name]!.started = begin.time }
          study.runs[name]!.finished = nil
        }
      } else if queue != nil {
        // Files of other machines may be seen late.
        state.absences[name, default: 0] += 1
        guard state.absences[name]! >= 3 else { continue }
        state.absences[name] = nil
        let fate = client.fate(of: task)
        if events.last?.event == .stopped || events.isEmpty, state.submissions[name, default: 0] < Self.mostSubmissions
        {
          state.active[name] = nil
          study.runs[name]!.state = .waiting
          _ = try? study.store.save(attempts: folder.events, of: study.runs[name]!.id)
        } else {
          let tail = folder.logTail()
          try fail(
            name,
            "job \(task) ended without a result\(fate.map { ": \($0)" } ?? "")" + (tail.isEmpty ? "" : "\n" + tail),
            state, report)
        }
      }
    }
  }

  private func fail(
    _ name: String, _ error: String, _ state: State, _ report: (StudyProgress.Event) throws -> Void
  ) throws {
    state.active[name] = nil
    state.failures[name, default: 0] += 1
    _ = try study.collect(name)
    let retry = state.failures[name]! <= study.file.retries
    study.runs[name]!.error = error
    study.runs[name]!.state = retry ? .waiting : .failed
    try report(.failed(name, error: error, retry: retry))
  }

  /// Hands in every run whose needs are done or handed in themselves.
  private func submit(_ state: State, _ report: (StudyProgress.Event) throws -> Void) throws {
    for group in groups(state) {
      var group = group
      while !group.isEmpty {
        let part = Array(group.prefix(Self.largestArray))
        group.removeFirst(part.count)
        let script = try script(for: part, state)
        try FileManager.default.createDirectory(atPath: script.logs, withIntermediateDirectories: true)
        let number = try FileManager.default.contentsOfDirectory(atPath: script.logs).count { $0.hasSuffix(".sh") } + 1
        let digits = String(repeating: "0", count: max(0, 3 - String(number).count)) + String(number)
        let path = "\(script.logs)/\(digits)-\(script.label.replacing(" ", with: "-")).sh"
        for run in part { _ = try study.prepare(run.name) }
        try AtomicText.write(script.text, to: path)
        let job = try client.submit(path)
        for (run, task) in zip(part, script.tasks) {
          state.active[run.name] = "\(job)_\(task.index)"
          state.submissions[run.name, default: 0] += 1
          study.runs[run.name]!.state = .queued
          study.runs[run.name]!.slurm = "\(job)_\(task.index)"
        }
        // At once: killed here, the next process must know of these jobs.
        try study.store.save(part.map { study.runs[$0.name]! })
        try report(.submitted(job: job, runs: part.count, script: path))
      }
    }
  }

  /// Runs to hand in, those alike together, in an order in which nothing comes before what it needs.
  private func groups(_ state: State) -> [[RunSpecification]] {
    let depths = study.graph.depths
    let sets = Dictionary(study.graph.scorings.map { ($0.run, $0.set) }) { first, _ in first }
    var submitted = Set(state.active.keys)
    var groups: [String: [RunSpecification]] = [:]
    var order: [(depth: Int, key: String)] = []
    for run in study.graph.runs {
      guard [.ready, .waiting].contains(study.runs[run.name]!.state),
        run.needs.allSatisfy({ submitted.contains($0) || study.runs[$0]!.state == .done })
      else { continue }
      submitted.insert(run.name)
      let depth = depths[run.name]!
      // Those that need one run go after it one by one, and so are kept apart from those that need many.
      let key = "\(depth) \(label(run, sets)) \(run.needs.count == 1)"
      if groups[key] == nil { order.append((depth, key)) }
      groups[key, default: []].append(run)
    }
    return order.enumerated().sorted { ($0.element.depth, $0.offset) < ($1.element.depth, $1.offset) }
      .map { groups[$0.element.key]! }
  }

  private func label(_ run: RunSpecification, _ sets: [String: String]) -> String {
    sets[run.name].map { "\(run.kind.rawValue) \($0)" } ?? run.kind.rawValue
  }

  private func script(for runs: [RunSpecification], _ state: State) throws -> SlurmScript {
    let kind = runs[0].kind
    let sets = Dictionary(study.graph.scorings.map { ($0.run, $0.set) }) { first, _ in first }
    let pending = runs.map { run in run.needs.compactMap { state.active[$0] } }
    let jobs = Set(pending.flatMap(\.self).map { $0.prefix { $0 != "_" } })
    var indices = Array(1...runs.count)
    var dependency: SlurmScript.Dependency?
    let numbers = pending.map { $0.count == 1 ? Int($0[0].drop { $0 != "_" }.dropFirst()) : nil }
    if jobs.count == 1, !numbers.contains(nil), Set(numbers).count == runs.count {
      // Each needs one task of one array, each another one: it may start as soon as that has ended.
      indices = numbers.map { $0! }
      dependency = .corresponding(String(jobs.first!))
    } else if !jobs.isEmpty {
      dependency = .all(jobs.sorted { (Int($0) ?? 0) < (Int($1) ?? 0) }.map(String.init))
    }
    var options = study.file.slurm.common
    options.merge(study.file.slurm.byKind[kind.rawValue] ?? [:]) { _, own in own }
    let folder = URL(fileURLWithPath: study.folder).standardizedFileURL.path
    return SlurmScript(
      study: study.file.name, label: label(runs[0], sets),
      tasks: zip(runs, indices).map { run, index in
        var words = study.words(run)
        words[0] = "soup"
        return .init(index: index, folder: folder + "/runs/" + study.runs[run.name]!.folder, command: words)
      }, dependency: dependency, options: options, concurrent: study.file.slurm.concurrent,
      directory: FileManager.default.currentDirectoryPath, logs: folder + "/slurm", program: program)
  }
}

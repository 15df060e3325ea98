import Foundation

/// Slurm's commands, as far as a study needs them: `sbatch`, `squeue`, `scancel`, and `sacct` or `scontrol` for the fate of
/// a task that is gone.
public struct SlurmClient: Sendable {
  /// A task that is in the queue.
  public struct Task: Sendable, Hashable {
    public let state: String
    public let reason: String
  }

  public init() {}

  /// Submits a script.
  /// - Returns: the job's number.
  public func submit(_ script: String) throws(StudyError) -> String {
    let result = try run(["sbatch", "--parsable", script])
    // On several clusters the answer is `42;cluster`.
    let job = result.output.prefix { $0.isNumber }
    guard result.status == 0, !job.isEmpty else {
      throw StudyError(.slurm, script, "sbatch refused it: \(result.errors.isEmpty ? result.output : result.errors)")
    }
    return String(job)
  }

  /// This user's tasks in the queue, by `job_task`; nil when Slurm does not answer.
  public func queue() -> [String: Task]? {
    guard let result = try? run(["squeue", "-h", "-r", "-u", NSUserName(), "-o", "%i|%T|%r"]), result.status == 0 else {
      return nil
    }
    return Self.parse(queue: result.output)
  }

  static func parse(queue text: String) -> [String: Task] {
    var tasks: [String: Task] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: "|", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      if parts.count == 3 { tasks[parts[0]] = Task(state: parts[1], reason: parts[2]) }
    }
    return tasks
  }

  public func cancel(_ tasks: [String]) { _ = try? run(["scancel"] + tasks) }

  /// What became of a task that left the queue, in Slurm's words; nil when nobody knows. Works without accounting for as
  /// long as the controller remembers the job.
  public func fate(of task: String) -> String? {
    if let result = try? run(["sacct", "-n", "-X", "-P", "-j", task, "-o", "State,ExitCode"]), result.status == 0,
      let line = result.output.split(separator: "\n").last
    {
      return String(line).replacing("|", with: ", exit code ")
    }
    guard let result = try? run(["scontrol", "-o", "show", "job", task]), result.status == 0 else { return nil }
    let fields = result.output.split(separator: " ").reduce(into: [String: String]()) { fields, word in
      let parts = word.split(separator: "=", maxSplits: 1)
      if parts.count == 2 { fields[String(parts[0])] = String(parts[1]) }
    }
    return fields["JobState"].map { state in
      [state, fields["Reason"].flatMap { $0 == "None" ? nil : $0 }, fields["ExitCode"].map { "exit code \($0)" }]
        .compactMap(\.self).joined(separator: ", ")
    }
  }

  private func run(_ command: [String]) throws(StudyError) -> (status: Int32, output: String, errors: String) {
    let base = NSTemporaryDirectory() + "soup-slurm-" + UUID().uuidString
    defer { for suffix in [".out", ".err"] { unlink(base + suffix) } }
    let child: ChildProcess
    do {
      child = try ChildProcess(command, output: base + ".out", errors: base + ".err")
    } catch {
      throw StudyError(
        .slurm, nil, "'\(command[0])' cannot be started: is this a machine of a Slurm cluster?",
        advice: "leave out --slurm to run here")
    }
    var ending: ChildProcess.Ending?
    while ending == nil {
      usleep(5000)
      ending = child.ending()
    }
    let texts = [".out", ".err"].map { suffix in
      String(decoding: FileManager.default.contents(atPath: base + suffix) ?? Data(), as: UTF8.self)
        .trimmingCharacters(in: .whitespacesAndNewlines)
    }
    if case .exit(let code) = ending { return (code, texts[0], texts[1]) }
    return (-1, texts[0], texts[1])
  }
}

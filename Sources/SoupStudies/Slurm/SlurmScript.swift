/// An `sbatch` script: one job array, one task for each run. Written to be read, changed and submitted by hand.
public struct SlurmScript: Sendable, Hashable {
  public struct Task: Sendable, Hashable {
    /// Its number in the array; equal numbers depend on each other under `aftercorr`.
    public var index: Int
    public var folder: String
    /// What it runs, for readers.
    public var command: [String]

    public init(index: Int, folder: String, command: [String]) {
      self.index = index
      self.folder = folder
      self.command = command
    }
  }

  /// What must have ended well before.
  public enum Dependency: Sendable, Hashable {
    /// All tasks of these jobs.
    case all([String])
    /// The task of the same number.
    case corresponding(String)
  }

  public var study: String
  public var label: String
  public var tasks: [Task]
  public var dependency: Dependency?
  /// `#SBATCH` options by name, without dashes; an empty value for an option that has none.
  public var options: [String: String]
  /// Tasks at a time; nil for no limit.
  public var concurrent: Int?
  /// Where relative paths begin.
  public var directory: String
  /// The folder for the logs of tasks.
  public var logs: String
  /// The program that does a run, as `soup`.
  public var program: String

  public init(
    study: String, label: String, tasks: [Task], dependency: Dependency? = nil, options: [String: String] = [:],
    concurrent: Int? = nil, directory: String, logs: String, program: String
  ) {
    self.study = study
    self.label = label
    self.tasks = tasks
    self.dependency = dependency
    self.options = options
    self.concurrent = concurrent
    self.directory = directory
    self.logs = logs
    self.program = program
  }

  /// The script.
  public var text: String {
    var lines = [
      "#!/bin/bash",
      "# Study \(study): \(tasks.count) run\(tasks.count == 1 ? "" : "s"), \(label). Written by 'soup study run --slurm'.",
      "# A run that is done is not done again, so this may be submitted by hand as often as wished.",
    ]
    var options = options
    options["job-name"] = options["job-name"] ?? "\(study)-\(label)".replacing(" ", with: "-")
    options["output"] = options["output"] ?? "\(logs)/%x-%A_%a.log"
    options["array"] = array
    options["cpus-per-task"] = options["cpus-per-task"] ?? "1"
    // Said a minute before the time is up; a training then saves its state, and goes on in the next attempt.
    options["signal"] = options["signal"] ?? "B:TERM@60"
    switch dependency {
    case nil: break
    case .all(let jobs): options["dependency"] = "afterok:" + jobs.joined(separator: ":")
    case .corresponding(let job): options["dependency"] = "aftercorr:" + job
    }
    // What can never start any more leaves the queue; the study submits it anew after the retry.
    if dependency != nil { options["kill-on-invalid-dep"] = "yes" }
    lines += options.sorted { $0.key < $1.key }.map { "#SBATCH --\($0.key)" + ($0.value.isEmpty ? "" : "=\($0.value)") }
    lines += ["", "cd \(ShellWords.quote(directory)) || exit 1", "case $SLURM_ARRAY_TASK_ID in"]
    for task in tasks {
      lines.append("  # \(ShellWords.join(task.command))")
      lines.append("  \(task.index)) run=\(ShellWords.quote(task.folder)) ;;")
    }
    lines += [
      "  *) echo \"no run has number $SLURM_ARRAY_TASK_ID\" >&2; exit 2 ;;",
      "esac",
      "exec \(ShellWords.quote(program)) study job \"$run\" --threads \"${SLURM_CPUS_PER_TASK:-1}\"",
    ]
    return lines.joined(separator: "\n") + "\n"
  }

  /// `1-4,7%2`.
  private var array: String {
    var ranges: [ClosedRange<Int>] = []
    for index in tasks.map(\.index).sorted() {
      if let last = ranges.last, last.upperBound + 1 == index {
        ranges[ranges.count - 1] = last.lowerBound...index
      } else {
        ranges.append(index...index)
      }
    }
    let text = ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
    return text.joined(separator: ",") + (concurrent.map { "%\($0)" } ?? "")
  }
}

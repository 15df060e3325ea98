/// How far a study has come.
public struct StudyProgress: Sendable {
  public enum Event: Sendable {
    case started(String)
    case finished(String, seconds: Double)
    /// It failed and is tried again, or not.
    case failed(String, error: String, retry: Bool)
    /// Jobs were handed to the cluster.
    case submitted(job: String, runs: Int, script: String)
    /// Time passed.
    case waiting
  }

  public let event: Event
  public let done: Int
  public let total: Int
  /// Names of runs that are running.
  public let running: [String]
  public let failed: Int
  /// Estimated from finished runs of the same kind; nil until there are some.
  public let secondsLeft: Double?
}

/// How running a study ended.
public enum StudyOutcome: Sendable, Hashable {
  case complete
  /// Runs that failed, after all retries; what needs them was not started.
  case failed([String])
  /// Asked to stop. Everything finished is kept.
  case stopped
  /// Handed to the cluster, which goes on.
  case submitted
}

/// Guesses the time that is left from the time that runs took.
struct TimeEstimate {
  private var seconds: [RunSpecification.Kind: [Double]] = [:]
  private let weights: [String: Double]

  init(_ graph: StudyGraph) {
    // A training takes as long as it has epochs, an evaluation as long as it has models.
    weights = Dictionary(
      uniqueKeysWithValues: graph.runs.map { run in
        let words = run.words
        var weight = 1.0
        switch run.kind {
        case .train:
          if let index = words.firstIndex(of: .text("--epochs")), index + 1 < words.count,
            case .text(let text) = words[index + 1], let epochs = Double(text), epochs > 0
          {
            weight = epochs
          }
        case .evaluate, .season, .mix:
          weight = Double(
            words.count {
              if case .result(_, let file) = $0 { file == RunSpecification.checkpoint } else { false }
            })
        default: break
        }
        return (run.name, max(weight, 1))
      })
  }

  mutating func add(_ run: StudyStore.Run) {
    guard let seconds = run.seconds, let weight = weights[run.name] else { return }
    self.seconds[run.kind, default: []].append(seconds / weight)
  }

  /// Of runs that are not done, divided among workers.
  func left(_ runs: [StudyStore.Run], workers: Int, now: Double) -> Double? {
    let all = seconds.values.flatMap(\.self)
    guard !all.isEmpty else { return nil }
    var total = 0.0
    for run in runs where [.waiting, .ready, .queued, .running].contains(run.state) {
      // Before the first training ends nobody knows.
      guard let own = seconds[run.kind] ?? (run.kind == .train ? nil : all) else { return nil }
      let expected = own.reduce(0, +) / Double(own.count) * weights[run.name]!
      let elapsed = run.state == .running ? now - (run.started ?? now) : 0
      total += max(0, expected - elapsed)
    }
    return total / Double(max(1, workers))
  }
}

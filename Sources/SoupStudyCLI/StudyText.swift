import Foundation
import SoupCLI
import SoupStudies

/// A study in words and tables.
struct StudyText {
  let study: Study

  init(_ study: Study) { self.study = study }

  /// Models and their scores, as far as there are any.
  func printResults(_ console: Console) throws {
    let results = StudyResults(study)
    if console.isJSON { return try printStatus(console) }
    guard results.rows.contains(where: { !$0.scores.isEmpty }) else { return }
    let sets = study.file.sets
    let loss = sets.first { $0.split == "test" && !$0.isShift } ?? sets.first
    let labels = ["label-smoothing": "smoothing", "weight-decay": "wd", "batch-size": "batch"]
    var table = Table(
      [.init("model")] + results.varying.map { .init(labels[$0] ?? $0, .right) }
        + sets.map { .init("\($0.name) %", .right) } + (loss.map { [.init("\($0.name) loss", .right)] } ?? [])
        + [.init("passes", .right)])
    var role: StudyModel.Role?
    for row in results.rows {
      let isMade = ![.base, .ingredient].contains(row.model.role)
      if isMade, role == .ingredient || role == .base { table.addRule() }
      role = row.model.role
      table.add(
        [title(row)] + results.varying.map { row.model.value(of: $0) ?? "" }
          + sets.map { row.score(on: $0.name)?.top1.map { Format.percent($0) } ?? "" }
          + (loss.map { [row.score(on: $0.name)?.loss.map { Format.fixed($0, 4) } ?? ""] } ?? [])
          + [row.scores.isEmpty ? "" : String(row.passes)],
        bold: isMade)
    }
    console.print(table)
    if let verdict = verdict(results) { console.print("\n" + verdict) }
  }

  /// `greedy (3 of 16)`.
  private func title(_ row: StudyResults.Row) -> String {
    guard let members = row.members else { return row.model.name }
    if row.model.role == .best { return "\(row.model.name): \(members.joined(separator: " "))" }
    return members.count < row.model.candidates.count
      ? "\(row.model.name) (\(members.count) of \(row.model.candidates.count))"
      : "\(row.model.name) (\(members.count))"
  }

  /// How far apart two accuracies must be to mean something.
  private func verdict(_ results: StudyResults) -> String? {
    guard let set = study.file.sets.first(where: { $0.split == "test" }),
      let score = (results.rows.first { $0.model.role == .best } ?? results.rows.last)?.score(on: set.name),
      let top1 = score.top1, let count = score.count, count > 0
    else { return nil }
    let error = (top1 * (1 - top1) / Double(count)).squareRoot()
    return
      "\(set.name): \(Format.count(count)) images; one accuracy has a standard error of \(Format.percent(error)) points."
  }

  func printRuns(_ console: Console) {
    var table = Table([
      .init("run"), .init("kind"), .init("state"), .init("attempts", .right), .init("time", .right), .init("host"),
    ])
    for run in study.currentRuns {
      table.add([
        run.name, run.kind.rawValue, run.state.rawValue, String(run.attempts),
        run.seconds.map { Format.duration($0) } ?? "", run.host ?? "",
      ])
    }
    console.print(table)
    console.print()
  }

  /// What stands where, in one line, and every failure.
  func printStatus(_ console: Console) throws {
    let counts = study.counts
    if console.isJSON {
      let runs = study.currentRuns.map {
        Status.Run(
          run: $0.name, state: $0.state.rawValue, attempts: $0.attempts, seconds: $0.seconds, error: $0.error)
      }
      return try console.emit(
        Status(
          study: study.file.name, folder: study.folder,
          counts: Dictionary(uniqueKeysWithValues: counts.map { ($0.key.rawValue, $0.value) }), runs: runs))
    }
    let parts = StudyStore.Run.State.allCases.compactMap { state in counts[state].map { "\($0) \(state.rawValue)" } }
    console.print("\(study.file.name): \(study.graph.runs.count) runs: \(parts.joined(separator: ", "))")
    for run in study.currentRuns where run.state == .failed {
      let first = run.error?.split(separator: "\n").first.map(String.init) ?? "failed"
      console.print("  \(run.name): \(first); log: \(study.runFolder(run)["log"])")
    }
  }

  /// Command lines, for people.
  func printCommands(_ console: Console, all: Bool = false) throws {
    for specification in study.graph.runs {
      let run = study.runs[specification.name]!
      guard all || run.state != .done else { continue }
      var words = study.words(specification)
      if console.isJSON {
        try console.emit(Command(run: run.name, state: run.state.rawValue, command: words))
        continue
      }
      words[0] = "soup"
      console.print("# \(run.name): \(run.state.rawValue)\n\(ShellWords.join(words))")
    }
  }

  private struct Status: Encodable {
    struct Run: Encodable {
      let run: String
      let state: String
      let attempts: Int
      let seconds: Double?
      let error: String?
    }

    let study: String
    let folder: String
    let counts: [String: Int]
    let runs: [Run]
  }

  private struct Command: Encodable {
    let run: String
    let state: String
    let command: [String]
  }
}

import Foundation
import SoupAnalysis
import SoupCLI
import SoupReports
import SoupStudies

/// A study in words and tables.
struct StudyText {
  let study: Study

  init(_ study: Study) { self.study = study }

  /// Models and their scores, as far as there are any: what was trained, then what was made of it, against the best single model.
  func printResults(_ console: Console) throws {
    let results = StudyResults(study)
    if console.isJSON { return try printStatus(console) }
    guard results.rows.contains(where: { !$0.scores.isEmpty }) else { return printPairs(console) }
    if let table = trainedTable(results) {
      console.print(table)
      console.print()
    }
    let comparisons = StudyComparisons(study, results)
    console.print(resultTable(results, comparisons))
    comparisons.save()
    console.print("\n" + legend(results, comparisons))
    if let table = contrastTable(results, comparisons) {
      console.print()
      console.print(table)
    }
    comparisons.save()
    printPairs(console)
  }

  /// The differences that the study asks for, on all sets.
  private func contrastTable(_ results: StudyResults, _ comparisons: StudyComparisons) -> Table? {
    guard !study.file.contrasts.isEmpty else { return nil }
    let hasShifts = shifts.count > 1
    var table = Table(
      [.init("better by (points)")] + sets.map { .init($0.name, .right) }
        + (hasShifts ? [.init("mean of shifts", .right)] : []))
    for contrast in study.file.contrasts {
      guard let row = results.row(contrast.model), let other = results.row(contrast.against) else { continue }
      var found = sets.map { comparisons.comparison(of: row, against: other, on: $0.name) }
      if hasShifts { found.append(comparisons.shiftComparison(of: row, against: other)) }
      table.add(["\(contrast.model) than \(contrast.against)"] + found.map { difference($0)[0] })
    }
    return table
  }

  /// What the tables of pair soups say, and how two of them differ.
  private func printPairs(_ console: Console) {
    var summaries: [(name: String, table: PairTable)] = []
    for pairs in study.file.pairs where study.runs[pairs.name]?.state == .done {
      let folder = study.runFolder(study.runs[pairs.name]!)
      let similarities = study.similarities(of: pairs)
      for (name, file) in pairs.tables {
        guard let table = try? PairTableFile.read(folder[file], similarities: similarities) else {
          continue
        }
        summaries.append((name, table))
      }
    }
    guard let first = summaries.first else { return }
    console.print()
    var table = Table([
      .init("pairs"), .init("soups", .right), .init("collapsed", .right), .init("gain accuracy", .right),
      .init("lower loss", .right), .init("mean gain", .right),
    ])
    let collapse = Self.collapse(first.table)
    for (name, pairs) in summaries {
      let accuracy = SoupGain(.accuracy)
      let gains = pairs.pairs.compactMap { accuracy.value($0, in: pairs) }
      let losses = pairs.pairs.compactMap { SoupGain(.loss).value($0, in: pairs) }
      table.add([
        name, Format.count(pairs.pairs.count), Format.count(pairs.pairs.count { $0.scores.accuracy < collapse }),
        Format.count(gains.count { $0 > SoupGain.tolerance }), Format.count(losses.count { $0 > SoupGain.tolerance }),
        Format.fixed(gains.reduce(0, +) / Double(max(gains.count, 1)), 2),
      ])
    }
    console.print(table)
    console.print(
      "Collapsed: below \(Format.fixed(collapse, 0)) %, half of what the models have. Gain: over the best parent, mean in points."
    )
    for other in summaries.dropFirst() { console.print(turned(summaries[0], other, collapse)) }
    var chosen = first.table
    chosen.collapse = collapse
    guard let analysis = try? PairAnalysis(chosen, gain: SoupGain(.loss)) else { return }
    for section in PairReport.tables(analysis) {
      var text = Table(section.columns.enumerated().map { .init($1, $0 == 0 ? .left : .right) })
      for row in section.rows { text.add([row.name] + row.cells.map { $0.text }) }
      console.print("\n\(first.name): \(section.id)")
      console.print(text)
    }
    console.print("\n" + PairReport.findings(chosen, analysis).joined(separator: "\n"))
  }

  /// Half of the models' mean accuracy.
  private static func collapse(_ table: PairTable) -> Double {
    (table.models.reduce(0) { $0 + $1.scores.accuracy } / Double(max(table.models.count, 1)) / 2).rounded()
  }

  /// How many soups fail under one policy and not under the other.
  private func turned(
    _ a: (name: String, table: PairTable), _ b: (name: String, table: PairTable), _ collapse: Double
  ) -> String {
    func key(_ pair: PairTable.Pair, _ table: PairTable) -> Set<String> {
      [table.models[pair.a].name, table.models[pair.b].name]
    }
    let others = Dictionary(b.table.pairs.map { (key($0, b.table), $0) }) { first, _ in first }
    let collapsed = a.table.pairs.filter { $0.scores.accuracy < collapse }.compactMap { others[key($0, a.table)] }
    let rescued = collapsed.filter { $0.scores.accuracy >= collapse }
    let gaining = rescued.count { (SoupGain(.accuracy).value($0, in: b.table) ?? 0) > SoupGain.tolerance }
    return "Of \(collapsed.count) soups that collapse under '\(a.name)', \(rescued.count) do not under '\(b.name)'; "
      + "\(gaining) of them gain accuracy there."
  }

  /// Base and ingredients with the hyperparameters in which they differ.
  private func trainedTable(_ results: StudyResults) -> Table? {
    // Soups to choose from are no trained models.
    let rows = results.rows.filter {
      $0.model.role == .ingredient || ($0.model.role == .stage && $0.model.method == nil && !$0.scores.isEmpty)
    }
    guard !rows.isEmpty else { return nil }
    let labels = ["label-smoothing": "smoothing", "weight-decay": "wd", "batch-size": "batch"]
    // Stages have settings of their own, mostly empty in the rows of others: together they would not fit any screen.
    let isWide = results.varying.count > Self.mostSettings
    var table = Table(
      [.init("ingredient")]
        + (isWide ? [.init("settings")] : results.varying.map { .init(labels[$0] ?? $0, .right) })
        + sets.map { .init("\($0.name) %", .right) } + (lossSet.map { [.init("\($0.name) loss", .right)] } ?? []))
    for row in rows {
      table.add(
        [row.model.name]
          + (isWide ? [settings(row, of: rows)] : results.varying.map { row.model.value(of: $0) ?? "" })
          + sets.map { row.score(on: $0.name)?.top1.map { Format.percent($0) } ?? "" } + loss(row))
    }
    return table
  }

  /// Columns of settings at most; more are written as `lr=0.1 wd=0.0001` in one.
  private static let mostSettings = 6

  /// In what a model's training differs from that of models with the same kinds of settings: its stage.
  private func settings(_ row: StudyResults.Row, of rows: [StudyResults.Row]) -> String {
    func names(_ row: StudyResults.Row) -> [String] { row.model.hyperparameters.map(\.name) }
    let own = rows.filter { names($0) == names(row) }
    return names(row).filter { name in name != "seed" && Set(own.map { $0.model.value(of: name) }).count > 1 }
      .map { "\($0)=\(row.model.value(of: $0) ?? "")" }.joined(separator: " ")
  }

  /// Initialisation, best single model, soups and ensembles, on all sets.
  private func resultTable(_ results: StudyResults, _ comparisons: StudyComparisons) -> Table {
    let hasShifts = sets.count { $0.isShift && !$0.isSelection } > 1
    let compared = comparedSet
    var rows = results.rows.filter { $0.model.role != .ingredient && $0.model.role != .stage }
    // The best single model is one of the ingredients where the study gives it no name.
    if let best = comparisons.reference, best.model.role == .ingredient {
      rows.insert(best, at: rows.firstIndex { $0.model.role != .base } ?? rows.count)
    }
    var columns: [Table.Column] = [.init("model")]
    columns += sets.map { .init("\($0.name) %", .right) }
    if hasShifts { columns.append(.init("mean of shifts %", .right)) }
    if let lossSet { columns.append(.init("\(lossSet.name) loss", .right)) }
    columns.append(.init("passes", .right))
    if let compared { columns += [.init("\(compared.name) against best", .right), .init("p", .right)] }
    if !shifts.isEmpty { columns += [.init("shift against best", .right), .init("p", .right)] }
    var table = Table(columns)
    for row in rows {
      var cells = [title(row, comparisons)]
      cells += sets.map { set in
        row.score(on: set.name).flatMap { score in
          score.top1.map { accuracy($0, comparisons.interval(of: score, row)) }
        } ?? ""
      }
      let mean = shifts.isEmpty ? nil : comparisons.shiftMean(of: row)
      if hasShifts { cells.append(mean.map { accuracy($0.top1, $0.interval) } ?? "") }
      cells += loss(row) + [row.scores.isEmpty ? "" : String(row.passes)]
      if let compared { cells += difference(comparisons.comparison(of: row, on: compared.name)) }
      if !shifts.isEmpty { cells += difference(mean?.againstBest) }
      table.add(cells, bold: row.model.role != .base)
    }
    return table
  }

  private var sets: [StudyFile.EvaluationSet] { study.file.sets }
  private var shifts: [StudyFile.EvaluationSet] { sets.filter { $0.isShift && !$0.isSelection } }
  private var comparedSet: StudyFile.EvaluationSet? { sets.first { $0.split == "test" && !$0.isShift } }
  private var lossSet: StudyFile.EvaluationSet? { comparedSet ?? sets.first }

  private func loss(_ row: StudyResults.Row) -> [String] {
    lossSet.map { [row.score(on: $0.name)?.loss.map { Format.fixed($0, 4) } ?? ""] } ?? []
  }

  private func accuracy(_ value: Double, _ interval: Interval?) -> String {
    Format.percent(value) + (interval.map { " ±\(Format.percent($0.halfWidth))" } ?? "")
  }

  private func difference(_ comparison: PairedComparison?) -> [String] {
    guard let comparison else { return ["", ""] }
    return [
      Format.points(comparison.difference, from: comparison.interval.lower, to: comparison.interval.upper),
      Format.pValue(comparison.pValue),
    ]
  }

  /// `greedy (3 of 16)`.
  private func title(_ row: StudyResults.Row, _ comparisons: StudyComparisons) -> String {
    if row.model.role == .ingredient { return "best: \(row.model.name)" }
    guard let members = row.members else { return row.model.name }
    if row.model.role == .best || row.model.method == "best" {
      return "\(row.model.name): \(members.joined(separator: " "))"
    }
    return members.count < row.model.candidates.count
      ? "\(row.model.name) (\(members.count) of \(row.model.candidates.count))"
      : "\(row.model.name) (\(members.count))"
  }

  private func legend(_ results: StudyResults, _ comparisons: StudyComparisons) -> String {
    let counts = sets.compactMap { set -> String? in
      results.rows.lazy.compactMap { $0.score(on: set.name)?.count }.first.map { "\(set.name) \(Format.count($0))" }
    }
    var text = "Images: \(counts.joined(separator: ", ")). ± and [ ] are 95 % intervals"
    text += comparisons.reference == nil ? "." : " (Wilson; paired bootstrap over images), p is McNemar's exact test."
    if !shifts.isEmpty, comparisons.reference != nil {
      text += " Under shift an image counts by the share of its versions that are right; p is the sign-flip test's."
    }
    return text
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

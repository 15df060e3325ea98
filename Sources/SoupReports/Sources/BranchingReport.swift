import SoupAnalysis

/// The part of a study's report that is about soups of pairs of branches.
enum BranchingReport {
  /// Puts findings, sections and what is missing of the study's pair tables first.
  static func add(_ records: StudyRecords, to report: inout Report) {
    let tables = PairRecords.tables(records)
    guard let (name, table) = tables.first else { return }
    let hasLoss = table.models.allSatisfy { $0.scores.loss != nil }
    guard let analysis = try? PairAnalysis(table, gain: SoupGain(hasLoss ? .loss : .accuracy)) else { return }
    var sections: [ReportSection] = []
    var findings = PairReport.named(table, analysis)
    let others = tables.dropFirst()
    if !others.isEmpty {
      var figures: [Figure] = []
      var turns: [PolicyFigures.Turn] = []
      for other in others {
        figures += PolicyFigures.figures(title(name), table, title(other.name), other.table, analysis.gain)
        let turn = PolicyFigures.turn(title(name), table, title(other.name), other.table, analysis.gain)
        turns.append(turn)
        findings.append(Finding(name: "Batch norm:", text: sentence(turn, table, other.table, analysis.gain)))
      }
      sections.append(
        ReportSection(
          id: "batch-norm", title: "Batch norm",
          paragraphs: [
            "How many collapses become soups when the statistics of batch norm are measured again on training images?"
          ],
          tables: [Self.table(turns, analysis.gain)], figures: figures))
    }
    if let trunk = TrunkFigure.figure(records, table) {
      sections.append(ReportSection(id: "trunk", title: "The trunk and its branches", figures: [trunk]))
    }
    let own = PairReport.sections(table, analysis)
    // Shared training and the policies answer the study's question; they come first.
    let first = own.filter { ["gains", "training"].contains($0.id) }
    report.sections = first + sections + own.filter { !["gains", "training"].contains($0.id) } + report.sections
    report.lead =
      (others.isEmpty ? "" : "Soups of pairs, batch norm \(title(name)) unless said otherwise. ")
      + "Gain: \(analysis.gain.title), above 0 where the soup is better."
    report.findings = findings + report.findings
    report.title = report.title == "Study" ? "When do two models soup?" : report.title
  }

  /// The policy that a table is of, by its name.
  private static func title(_ name: String) -> String {
    for (word, title) in [("recompute", "recomputed"), ("average", "averaged"), ("copy", "copied")]
    where name.contains(word) {
      return title
    }
    return name
  }

  /// `Recomputing turns 31 of 74 collapses into soups that work …`, with an interval.
  private static func sentence(
    _ turn: PolicyFigures.Turn, _ first: PairTable, _ second: PairTable, _ gain: SoupGain
  ) -> String {
    func share(_ count: Int, of whole: Int) -> String {
      guard whole > 0, let interval = try? ProportionInterval.wilson(count, of: whole) else {
        return "\(count) of \(whole)"
      }
      return
        "\(count) of \(whole) (95 %: \(Text.fixed(100 * interval.lower, 0)) to \(Text.fixed(100 * interval.upper, 0)) %)"
    }
    let joined = PolicyFigures.joined(first, second)
    let differences = joined.compactMap { a, b -> Double? in
      guard let x = gain.value(a, in: first), let y = gain.value(b, in: second) else { return nil }
      return y - x
    }.sorted()
    let median = differences.isEmpty ? nil : differences[differences.count / 2]
    return
      "With statistics \(turn.to) instead of \(turn.from), \(share(turn.rescued, of: turn.collapsed.0)) collapses are none any more, and "
      + "\(share(turn.turned, of: turn.collapsed.0)) become soups that gain. Soups that gain: \(turn.gaining.0) with \(turn.from), "
      + "\(turn.gaining.1) with \(turn.to), of \(turn.pairs); \(turn.lost) of the former are lost."
      + (median.map { " Half of the pairs change by \(Text.fixed($0, 4)) \(GainAxis.unit(gain)) or more." } ?? "")
      + " (Wilson's intervals, as if pairs were independent.)"
  }

  private static func table(_ turns: [PolicyFigures.Turn], _ gain: SoupGain) -> ReportTable {
    let columns = ["batch norm", "pairs", "collapsed", "gain", "collapses rescued", "of them gain", "gains lost"]
    var data = DataTable(columns)
    var rows: [ReportTable.Row] = []
    func add(_ name: String, _ values: [Int?]) {
      data.add([.string(name)] + values.map { $0.map { .number(Double($0)) } ?? .null })
      rows.append(.init(name: name, cells: values.map { .init($0.map(String.init) ?? "–") }))
    }
    if let first = turns.first {
      add(first.from, [first.pairs, first.collapsed.0, first.gaining.0, nil, nil, nil])
    }
    for turn in turns {
      add(turn.to, [turn.pairs, turn.collapsed.1, turn.gaining.1, turn.rescued, turn.turned, turn.lost])
    }
    return ReportTable(
      id: "batch-norm-table",
      caption: "The same pairs under each policy of batch norm, compared with the first. \(GainAxis.definition(gain)).",
      columns: columns, rows: rows, data: data)
  }
}

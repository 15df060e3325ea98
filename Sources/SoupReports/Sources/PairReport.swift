import SoupAnalysis

/// Tables, findings and page of an analysis of pair soups.
public enum PairReport {
  public static func report(_ table: PairTable, _ analysis: PairAnalysis, sources: [String]) -> Report {
    var report = Report(
      title: "When do two models soup?",
      subtitle: "\(analysis.models) models and the soups of \(analysis.pairs) pairs",
      lead: "Gain: \(analysis.gain.title), above 0 where the soup is better.",
      findings: findings(table, analysis).map { Finding(name: "", text: $0) })
    let tables = tables(analysis)
    func section(_ id: String, _ title: String, _ tables: [ReportTable], _ figures: [Figure?] = []) {
      let drawn = figures.compactMap(\.self)
      if !tables.isEmpty || !drawn.isEmpty {
        report.sections.append(ReportSection(id: id, title: title, tables: tables, figures: drawn))
      }
    }
    section("training", "Shared training", [], [GainBySharedTraining.figure(analysis.shared)])
    section(
      "alike", "Similarity", tables.filter { $0.id == "similarity" },
      ["kl_logits", "l2_distance"].map { GainAgainstSimilarity.figure(table, analysis.gain, measure: $0) })
    section("together", "What soups together", [], [SoupMap.figure(table, analysis)])
    section("numbers", "The numbers", tables.filter { $0.id != "similarity" })
    report.provenance = [("Tables", sources.joined(separator: ", ")), ("Gain", analysis.gain.title)]
    return report
  }

  /// The findings in words, a sentence each.
  public static func findings(_ table: PairTable, _ analysis: PairAnalysis) -> [String] {
    var sentences = [
      "\(analysis.positive) of \(analysis.pairs) pairs gain (\(analysis.gain.title)). \(analysis.collapsed) soups have collapsed below "
        + "\(Text.fixed(SharedTraining.collapse, 0)) % accuracy."
    ]
    if let found = analysis.transitivity {
      let chances = found.positive.map { $0.map { Text.fixed($0, 4) } ?? "–" }
      sentences.append(
        "Over \(found.triangles) triangles the third pair gains with probability \(chances[0]), \(chances[1]), \(chances[2]) where "
          + "none, one, both of the others gain; Spearman with their smaller gain \(Text.fixed(found.minimum.coefficient, 3)), with "
          + "their mean \(Text.fixed(found.mean.coefficient, 3)).")
    }
    let graph = analysis.graph
    sentences.append(
      "Pairs that gain connect \(graph.components.first ?? 0) models in the largest of \(graph.components.count) groups, "
        + "\(graph.isolated) gain with none; the largest set of which every two gain has \(graph.largestClique.count): "
        + graph.largestClique.joined(separator: ", ") + ".")
    return sentences
  }

  /// Shared training, similarity, failures of transitivity.
  public static func tables(_ analysis: PairAnalysis) -> [ReportTable] {
    [shared(analysis), similarity(analysis), failures(analysis)].compactMap(\.self)
  }

  private static func shared(_ analysis: PairAnalysis) -> ReportTable? {
    let groups = analysis.shared
    guard !groups.isEmpty else { return nil }
    let thresholds = SharedTraining.thresholds.map { $0 == $0.rounded() ? "\(Int($0))" : "\($0)" }
    let columns =
      ["shared epochs", "pairs"] + thresholds.map { "P(gain > \($0))" }
      + ["mean gain > 0", "P(acc < 5)", "P(loss gain ≥ 0)", "corrupted", "loss gain q10", "q50", "q90", "mean KL"]
    var data = DataTable(columns + ["P(gain > 0) low", "P(gain > 0) high"])
    let rows = groups.map { group -> ReportTable.Row in
      let values: [Double?] =
        group.above + [group.meanGain, group.collapsed, group.lossNotWorse, group.corruptedLossNotWorse]
        + (group.lossGains.isEmpty ? [nil, nil, nil] : group.lossGains) + [group.meanSimilarity]
      data.add(
        [.number(Double(group.sharedEpochs)), .number(Double(group.pairs))] + values.map { JSON($0) }
          + [group.positiveInterval.lower, group.positiveInterval.upper].map { .number($0) })
      return .init(
        name: String(group.sharedEpochs),
        cells: [.init(String(group.pairs))] + values.map { .init($0.map { Text.fixed($0, 4) } ?? "–") })
    }
    return ReportTable(
      id: "shared",
      caption: "Pairs by the epochs that both were trained together. Gains of accuracy are over the best parent, in "
        + "points; loss gains in nats. A soup without a score under corruption counts as none.",
      columns: columns, rows: rows, data: data)
  }

  private static func similarity(_ analysis: PairAnalysis) -> ReportTable? {
    let found = analysis.correlations
    guard !found.rows.isEmpty else { return nil }
    let columns =
      ["similarity"]
      + zip(found.gains, found.positives).flatMap { gain, count in
        ["\(gain.measure.rawValue) gain", "> 0 (\(count))"]
      } + ["shared epochs"]
    var data = DataTable(columns)
    let rows = found.rows.map { row -> ReportTable.Row in
      let values =
        zip(row.all, row.positive).flatMap { [$0.coefficient, $1.coefficient] } + [row.shared?.coefficient ?? .nan]
      data.add([.string(row.measure)] + values.map { .number($0) })
      return .init(name: row.measure, cells: values.map { .init(Text.fixed($0, 6)) })
    }
    return ReportTable(
      id: "similarity",
      caption: "Spearman's rank correlation of each measure with the gain over the best parent, over all pairs and "
        + "over those that gain, and with shared epochs.", columns: columns, rows: rows, data: data)
  }

  private static func failures(_ analysis: PairAnalysis) -> ReportTable? {
    guard let failures = analysis.transitivity?.failures, !failures.isEmpty else { return nil }
    let columns = ["shared epochs", "two edges gain", "third does not", "share"]
    var data = DataTable(columns)
    let rows = failures.map { group -> ReportTable.Row in
      let share = Double(group.failed) / Double(group.rows)
      data.add([group.sharedEpochs, group.rows, group.failed].map { .number(Double($0)) } + [.number(share)])
      return .init(
        name: String(group.sharedEpochs),
        cells: [.init(String(group.rows)), .init(String(group.failed)), .init(Text.fixed(share, 4))])
    }
    return ReportTable(
      id: "transitivity",
      caption: "Triangles from every corner whose two pairs gain, by the epochs that all three models share: how "
        + "often the third pair does not.", columns: columns, rows: rows, data: data)
  }
}

import SoupAnalysis

/// Tables, findings and page of an analysis of pair soups.
public enum PairReport {
  public static func report(
    _ table: PairTable, _ analysis: PairAnalysis, extras: PairExtras = PairExtras(), sources: [String]
  ) -> Report {
    var report = Report(
      title: "When do two models soup?",
      subtitle: "\(analysis.models) models and the soups of \(analysis.pairs) pairs",
      lead: "Gain: \(analysis.gain.title), above 0 where the soup is better.",
      findings: named(table, analysis))
    report.sections = sections(table, analysis, extras)
    report.missing = missing(table, analysis, extras)
    report.provenance = [("Tables", sources.joined(separator: ", ")), ("Gain", analysis.gain.title)]
    return report
  }

  /// The figures with their tables, by question.
  static func sections(
    _ table: PairTable, _ analysis: PairAnalysis, _ extras: PairExtras = PairExtras()
  ) -> [ReportSection] {
    let tables = Dictionary(tables(analysis).map { ($0.id, $0) }) { first, _ in first }
    let gain = analysis.gain
    let accuracy = SoupGain(gain.measure.isLoss ? .accuracy : .loss, over: gain.parent)
    let divergences = ["kl_logits", "kl", "symmetric_kl"].filter(table.measures.contains)
    let others = table.measures.filter { !divergences.contains($0) }
    let measures = divergences + others.filter(published.contains) + others.filter { !published.contains($0) }
    let similarity =
      (measures.first.map { first in
        [false, true].map { GainAgainstSimilarity.figure(table, gain, measure: first, isPositive: $0) }
      } ?? [])
      + measures.dropFirst().flatMap { measure in
        // Of many measures, the document's six are drawn twice, the others once and small.
        measures.count > 6 && !published.contains(measure)
          ? [GainAgainstSimilarity.figure(table, gain, measure: measure, layout: .small)]
          : [false, true].map { GainAgainstSimilarity.figure(table, gain, measure: measure, isPositive: $0) }
      }
    let sections: [(id: String, title: String, text: String, tables: [ReportTable?], figures: [Figure?])] = [
      (
        "gains", "How often, how much", "", [],
        [GainDistribution.figure(table, gain), GainDistribution.figure(table, accuracy)]
      ),
      (
        "training", "Shared training",
        "How long must two models be trained together before they part, so that their mean is better than both?",
        [], GainBySharedTraining.figures(analysis.curves, collapse: table.collapse)
      ),
      (
        "alike", "Similarity",
        "Over all pairs likeness tells soups from collapses. Among pairs that gain, is there more to win from those that are less alike?",
        [tables["similarity"]], similarity
      ),
      (
        "transitivity", "Friends of friends", "If A soups with B and with C, do B and C soup?", [],
        TransitivityFigures.figures(table, analysis)
      ),
      (
        "together", "What soups together",
        "The largest set of which every two gain: \(analysis.graph.largestClique.joined(separator: ", ")).", [],
        [SoupMap.figure(table, analysis), SoupGridFigure.figure(table, analysis)]
      ),
      (
        "robustness", "Under corruption", "", [],
        RobustnessFigures.figures(table, analysis.robustness)
          + (extras.averages.isEmpty ? [] : [AveragesFigure.figure(extras.averages, table)])
      ),
      (
        "variants", "Variants of training", "", [VariantMap.table(analysis.variants)],
        [VariantMap.figure(analysis.variants)]
      ),
      (
        "mixtures", "Along lines and in triangles", "", [],
        [AlphaSweeps.figure(extras.sweeps)] + StudyReport.simplexes(extras.simplexes)
      ),
      (
        "numbers", "The numbers", "",
        [tables["shared"], tables["transitivity"], tables["distance"], triples(table, analysis)], []
      ),
    ]
    return sections.compactMap { section in
      let (tables, figures) = (section.tables.compactMap(\.self), section.figures.compactMap(\.self))
      guard !tables.isEmpty || !figures.isEmpty else { return nil }
      return ReportSection(
        id: section.id, title: section.title, paragraphs: section.text.isEmpty ? [] : [section.text], tables: tables,
        figures: figures)
    }
  }

  private static let published: Set = [
    "l2_distance", "cosine_similarity", "cka_logits", "mse_logits", "kl_logits", "cka_features",
  ]

  private static func missing(_ table: PairTable, _ analysis: PairAnalysis, _ extras: PairExtras) -> [String] {
    var missing: [String] = []
    if table.missing > 0 {
      missing.append(
        "\(Text.count(table.missing, "pair")) of models without a soup: everything is of those that are there, the map needs all."
      )
    }
    if analysis.curves.isEmpty {
      missing.append("Shared training: needs the epochs at which models left the common trunk.")
    }
    if table.measures.isEmpty { missing.append("Similarity: needs a table of measures (--similarities).") }
    if analysis.robustness == nil { missing.append("Under corruption: needs scores on corrupted images.") }
    if analysis.variants == nil { missing.append("Variants: need the variant of each model (model_id_a, model_id_b).") }
    if extras.sweeps.isEmpty { missing.append("Along the line: needs sweeps (--alpha).") }
    if extras.simplexes.isEmpty { missing.append("Triangles of three models: need ternary grids (--simplex).") }
    if extras.averages.isEmpty { missing.append("SWA and EMA against soups: need their scores (--averages).") }
    return missing
  }

  /// The findings in words, a sentence or two each.
  public static func findings(_ table: PairTable, _ analysis: PairAnalysis) -> [String] {
    named(table, analysis).map { "\($0.name) \($0.text)" }
  }

  static func named(_ table: PairTable, _ analysis: PairAnalysis) -> [Finding] {
    let share = Text.fixed(100 * Double(analysis.positive) / Double(max(analysis.pairs, 1)), 1)
    let parts: [(String, String?)] = [
      (
        "Gains",
        "\(analysis.positive) of \(analysis.pairs) pairs gain (\(share) %; \(analysis.gain.title)). "
          + "\(analysis.collapsed) soups have collapsed below \(Text.fixed(table.collapse, 0)) % accuracy."
      ), ("Shared training", training(analysis)), ("Similarity", likeness(analysis)),
      ("Transitivity", transitivity(analysis)), ("Together", together(analysis)), ("Corruption", robustness(analysis)),
      ("Variants", variants(analysis)),
    ]
    return parts.compactMap { name, text in
      text.map { Finding(name: name + ":", text: $0.replacing(#/([ (])-(\d)/#) { "\($0.1)−\($0.2)" }) }
    }
  }

  /// How much shared training is needed.
  private static func training(_ analysis: PairAnalysis) -> String? {
    guard
      let curves = analysis.curves.first(where: { $0.gain.measure == analysis.gain.measure }) ?? analysis.curves.first,
      let zero = curves.thresholds.firstIndex(of: 0), let last = curves.groups.last, curves.groups.count > 1
    else { return nil }
    func chance(_ estimate: GainCurves.Estimate) -> String {
      let interval = estimate.models ?? estimate.pairs
      return
        "\(Text.fixed(100 * estimate.value, 0)) % (95 %: \(Text.fixed(100 * interval.lower, 0)) to \(Text.fixed(100 * interval.upper, 0)) %)"
    }
    var parts: [String] = []
    for (share, name) in [(0.1, "a tenth"), (0.5, "half")] {
      if let group = curves.epochsNeeded(share) {
        parts.append(
          "surely more than \(name) of the pairs gain if they share at least \(group.sharedEpochs) epochs: \(chance(group.fromHere))"
        )
      } else {
        parts.append("no number of shared epochs makes sure that more than \(name) gain")
      }
    }
    let text = parts.joined(separator: "; ")
    return text.prefix(1).uppercased() + text.dropFirst()
      + ". Of pairs that share exactly \(curves.groups[0].sharedEpochs) epochs "
      + "\(chance(curves.groups[0].above[zero])) gain, exactly \(last.sharedEpochs) \(chance(last.above[zero])) "
      + "(\(GainAxis.noun(curves.gain)); intervals over models)."
  }

  private static func likeness(_ analysis: PairAnalysis) -> String? {
    let found = analysis.correlations
    guard
      let place = found.gains.firstIndex(where: { $0.measure == analysis.gain.measure }) ?? found.gains.indices.first
    else {
      return nil
    }
    let rows = found.rows.filter { $0.all[place].coefficient.isFinite }
    guard let best = rows.max(by: { abs($0.all[place].coefficient) < abs($1.all[place].coefficient) }),
      let worst = rows.min(by: { abs($0.all[place].coefficient) < abs($1.all[place].coefficient) })
    else { return nil }
    func range(_ interval: Interval?) -> String {
      interval.map { ", \(Text.fixed($0.lower, 2)) to \(Text.fixed($0.upper, 2))" } ?? ""
    }
    let name = GainAgainstSimilarity.lowercased(GainAgainstSimilarity.name(best.measure))
    var text =
      "Over all pairs \(name) goes with the gain most closely (Spearman \(Text.fixed(best.all[place].coefficient, 3))\(range(best.intervals[place])))"
    if worst.measure != best.measure {
      text +=
        ", \(GainAgainstSimilarity.lowercased(GainAgainstSimilarity.name(worst.measure))) least (\(Text.fixed(worst.all[place].coefficient, 3))\(range(worst.intervals[place])))"
    }
    let positive = best.positive[place]
    guard positive.coefficient.isFinite else { return text + "." }
    let turns = positive.coefficient * best.all[place].coefficient < 0
    let isOpen = best.positiveIntervals[place]?.contains(0) ?? true
    return text
      + ". Among the \(found.positives[place]) pairs that gain \(turns ? "the sign turns" : "the sign stays") (\(Text.fixed(positive.coefficient, 3))\(range(best.positiveIntervals[place])))"
      + (isOpen ? ": not told from 0." : turns ? ": of two that soup, the less alike pair gains more." : ".")
  }

  private static func transitivity(_ analysis: PairAnalysis) -> String? {
    guard let found = analysis.transitivity else { return nil }
    let chances = zip(found.positive, found.intervals).map { value, interval -> String in
      guard let value else { return "–" }
      let range = interval.map { " (\(Text.fixed($0.lower, 2)) to \(Text.fixed($0.upper, 2)))" } ?? ""
      return Text.fixed(value, 4) + range
    }
    return
      "Over \(found.triangles) triangles the third pair gains with probability \(chances[0]), \(chances[1]), \(chances[2]) where "
      + "none, one, both of the others gain; Spearman with their smaller gain \(Text.fixed(found.minimum.coefficient, 3)), with "
      + "their mean \(Text.fixed(found.mean.coefficient, 3)). 95 % intervals over models."
  }

  private static func together(_ analysis: PairAnalysis) -> String {
    let graph = analysis.graph
    return
      "Pairs that gain connect \(graph.components.first ?? 0) models in the largest of \(Text.count(graph.components.count, "group")), "
      + "\(graph.isolated) gain with none; the largest set of which every two gain has \(graph.largestClique.count)."
  }

  private static func robustness(_ analysis: PairAnalysis) -> String? {
    guard let found = analysis.robustness, found.pairs > 0 else { return nil }
    let clean = found.counts[0] + found.counts[1]
    return
      "Of the \(clean) pairs that gain in \(GainAxis.noun(found.clean)) on clean images, \(found.counts[0]) gain on corrupted ones too; "
      + "\(found.counts[2]) gain on corrupted images alone. Spearman of the two gains \(Text.fixed(found.spearman.coefficient, 3)) over \(found.pairs) pairs."
  }

  private static func variants(_ analysis: PairAnalysis) -> String? {
    guard let rows = analysis.variants?.rows, let best = rows.max(by: { $0.cell.positive < $1.cell.positive }),
      let worst = rows.min(by: { $0.cell.positive < $1.cell.positive }), best.variant != worst.variant
    else { return nil }
    func text(_ row: VariantTable.Row) -> String {
      "\(row.variant) (\(Text.fixed(100 * row.cell.positive, 1)) % of its pairs gain, \(Text.fixed(100 * row.cell.collapsed, 1)) % collapse)"
    }
    return "The best to soup with is \(text(best)), the worst \(text(worst))."
  }

  /// Shared training, similarity, failures of transitivity.
  public static func tables(_ analysis: PairAnalysis) -> [ReportTable] {
    [shared(analysis), similarity(analysis), failures(analysis), distances(analysis)].compactMap(\.self)
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
    var fields = columns
    for gain in found.gains {
      fields += ["Pearson, \(gain.measure.rawValue) gain", "Pearson, \(gain.measure.rawValue) gain > 0"]
    }
    for gain in found.gains { fields += ["\(gain.measure.rawValue) gain low", "high", "> 0 low", "high"] }
    var data = DataTable(fields)
    let rows = found.rows.map { row -> ReportTable.Row in
      let values =
        zip(row.all, row.positive).flatMap { [$0.coefficient, $1.coefficient] } + [row.shared?.coefficient ?? .nan]
      let pearson = zip(row.pearson, row.positivePearson).flatMap { [$0.coefficient, $1.coefficient] }
      var numbers: [JSON] = [.string(row.measure)]
      numbers += (values + pearson).map { .number($0) }
      for (all, positive) in zip(row.intervals, row.positiveIntervals) {
        numbers += [JSON(all?.lower), JSON(all?.upper), JSON(positive?.lower), JSON(positive?.upper)]
      }
      data.add(numbers)
      return .init(name: row.measure, cells: values.map { .init(Text.fixed($0, 6)) })
    }
    return ReportTable(
      id: "similarity",
      caption: "Spearman's rank correlation of each measure with the gain over the best parent, over all pairs and "
        + "over those that gain, and with shared epochs; Pearson's and intervals over models in the CSV.",
      columns: columns, rows: rows,
      data: data)
  }

  private static func failures(_ analysis: PairAnalysis) -> ReportTable? {
    guard let failures = analysis.failures?.shared, !failures.isEmpty else { return nil }
    let columns = ["shared epochs", "two edges gain", "third does not", "share", "as published"]
    var data = DataTable(columns)
    let rows = failures.map { row -> ReportTable.Row in
      let group = row.group
      data.add(
        [row.sharedEpochs, group.corners, group.open].map { .number(Double($0)) } + [
          .number(group.rate), .number(group.publishedRate),
        ])
      return .init(
        name: String(row.sharedEpochs),
        cells: [
          .init(String(group.corners)), .init(String(group.open)), .init(Text.fixed(group.rate, 4)),
          .init(Text.fixed(group.publishedRate, 4)),
        ])
    }
    return ReportTable(
      id: "transitivity",
      caption:
        "Triangles from every corner whose two pairs gain, by the epochs that all three models share: how often the third pair does not. As "
        + "published: of all three corners of triangles with at least two gains. \(GainAxis.definition(analysis.gain)).",
      columns: columns, rows: rows, data: data)
  }

  private static func distances(_ analysis: PairAnalysis) -> ReportTable? {
    guard let distances = analysis.failures?.distances, !distances.isEmpty else { return nil }
    let columns = ["epochs between B and C", "corners", "third does not gain", "share"]
    var data = DataTable(columns)
    let rows = distances.enumerated().map { index, row -> ReportTable.Row in
      let name = "\(index == 0 ? "" : "> ")\(Int(row.low)) to \(Int(row.high))"
      data.add([.string(name)] + [row.corners, row.failed].map { .number(Double($0)) } + [.number(row.rate)])
      return .init(
        name: name, cells: [.init(String(row.corners)), .init(String(row.failed)), .init(Text.fixed(row.rate, 4))])
    }
    return ReportTable(
      id: "distance",
      caption:
        "Corners A that left the trunk before B and C, with A–B and A–C gaining: how often B–C does not, by how far apart B and C left it. "
        + (analysis.failures?.window.map { "Triangles that share \($0.lowerBound) to \($0.upperBound) epochs. " } ?? "")
        + "\(GainAxis.definition(analysis.gain)).", columns: columns, rows: rows, data: data)
  }

  private static func triples(_ table: PairTable, _ analysis: PairAnalysis) -> ReportTable? {
    guard let worst = analysis.failures?.worst, !worst.isEmpty else { return nil }
    let columns = ["A", "B", "C", "gain of A–B", "gain of A–C", "gain of B–C"]
    var data = DataTable(columns)
    let rows = worst.map { triple -> ReportTable.Row in
      let names = [triple.anchor, triple.first, triple.second].map { table.models[$0].name }
      data.add(names.map { .string($0) } + triple.gains.map { .number($0) })
      return .init(
        name: names[0], cells: [.init(names[1]), .init(names[2])] + triple.gains.map { .init(Text.fixed($0, 4)) })
    }
    return ReportTable(
      id: "triples",
      caption:
        "Triangles that fail the worst: A soups with B and with C, B and C lose. For each B and C, the A that gains the most with both. Made for "
        + "'soup landscape simplex A B C'. \(GainAxis.definition(analysis.gain)).", columns: columns, rows: rows,
      data: data)
  }
}

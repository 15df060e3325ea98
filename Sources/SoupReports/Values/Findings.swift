import SoupAnalysis

/// The finding of a table , mixture by mixture. Says what the intervals allow and no more.
enum Findings {
  static func lead(_ table: ResultTable) -> String? {
    guard let best = table.best, let heldOut = table.heldOut, !table.mixtures.isEmpty else { return nil }
    return "Against the best of \(Text.count(table.singles.count, "single model")), \(best.ownName), chosen on the "
      + "\(table.title(of: heldOut)) images:"
  }

  static func list(_ table: ResultTable) -> [Finding] {
    guard let best = table.best else { return [] }
    var findings: [Finding] = []
    let metrics: [(name: String, of: (EvaluatedModel) -> Double?, interval: (EvaluatedModel) -> Interval?)] =
      (table.test.map { test in
        [("on \(table.title(of: test))", { $0.accuracy(on: test) }, { $0.scores[test]?.interval })]
      } ?? [])
      + (table.shifts.isEmpty
        ? []
        : [
          (
            table.shifts.count == 1 ? "on \(table.title(of: table.shifts[0]))" : "under shift",
            { table.shiftAccuracy(of: $0) }, { table.shiftInterval(of: $0) }
          )
        ])
    for mixture in table.mixtures {
      let parts = metrics.compactMap { metric -> String? in
        guard let own = metric.of(mixture), let other = metric.of(best) else { return nil }
        var text = "\(Text.points(own - other)) points \(metric.name)"
        if let a = metric.interval(mixture), let b = metric.interval(best) {
          let interval = Interval.ofDifference(own - other, a, b)
          text += interval.lower > 0 || interval.upper < 0 ? "" : " (not told apart)"
        }
        return text
      }
      guard !parts.isEmpty else { continue }
      findings.append(Finding(name: mixture.kind.title, text: Text.list(parts), kind: mixture.kind))
    }
    return findings
  }
}

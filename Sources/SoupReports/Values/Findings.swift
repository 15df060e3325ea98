import SoupAnalysis

/// The finding of a table, mixture by mixture. Says what the intervals allow and no more.
enum Findings {
  static func lead(_ table: ResultTable) -> String? {
    guard let best = table.best, let heldOut = table.heldOut, !table.mixtures.isEmpty else { return nil }
    return "Against the best of \(Text.count(table.singles.count, "single model")), \(best.ownName), chosen on the "
      + "\(table.title(of: heldOut)) images:"
  }

  static func list(_ table: ResultTable) -> [Finding] {
    guard let best = table.best else { return [] }
    var findings: [Finding] = []
    struct Part {
      let name: String
      let value: (EvaluatedModel) -> Double?
      let interval: (EvaluatedModel) -> Interval?
      let gain: (EvaluatedModel) -> PairedComparison?
    }
    var parts: [Part] = []
    if let test = table.test {
      parts.append(
        Part(
          name: "on \(table.title(of: test))", value: { $0.accuracy(on: test) },
          interval: { $0.scores[test]?.interval },
          gain: { $0.scores[test]?.gain }))
    }
    if !table.shifts.isEmpty {
      let name = table.shifts.count == 1 ? "on \(table.title(of: table.shifts[0]))" : "under shift"
      parts.append(
        Part(
          name: name, value: { table.shiftAccuracy(of: $0) }, interval: { table.shiftInterval(of: $0) },
          gain: { table.shiftGain(of: $0) }))
    }
    for mixture in table.mixtures {
      let texts = parts.compactMap { part -> String? in
        guard let own = part.value(mixture), let other = part.value(best) else { return nil }
        let text = "\(Text.points(own - other)) points \(part.name)"
        if let gain = part.gain(mixture) {
          let isOpen = gain.interval.contains(0)
          return text
            + " (\(Text.points(gain.interval)), \(Text.pValue(gain.pValue))\(isOpen ? ": not told apart" : ""))"
        }
        guard let a = part.interval(mixture), let b = part.interval(best) else { return text }
        return text + (Interval.ofDifference(own - other, a, b).contains(0) ? " (not told apart)" : "")
      }
      guard !texts.isEmpty else { continue }
      findings.append(Finding(name: mixture.kind.title, text: Text.list(texts), kind: mixture.kind))
    }
    return findings
  }
}

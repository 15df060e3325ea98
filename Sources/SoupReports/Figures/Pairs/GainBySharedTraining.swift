import SoupAnalysis

/// Gains by the epochs that two models were trained together.
public struct GainBySharedTraining {
  public static func figures(_ curves: [GainCurves], collapse: Double) -> [Figure] {
    guard let first = curves.first, first.groups.count > 1 else { return [] }
    let main = curves.first { $0.gain.measure == .accuracy } ?? first
    return [above(main), fourGains(curves), expected(curves), collapsed(main, collapse)].compactMap(\.self)
  }

  static let intervals =
    "Bands are 95 % bootstrap intervals: the darker over pairs, as published, which share models and are therefore too narrow; the "
    + "lighter over models, which errs on the wide side (for shares never narrower than Wilson's)."

  /// P(gain > k).
  private static func above(_ curves: GainCurves) -> Figure {
    let names = curves.thresholds.map { k in
      "> " + (k > 0 ? "+" : k < 0 ? "−" : "") + "\(abs(k) == abs(k).rounded() ? "\(Int(abs(k)))" : "\(abs(k))")"
    }
    var data = bands("threshold")
    for group in curves.groups {
      for (name, estimate) in zip(names, group.above) { data.add(row(.string(name), group, estimate, 100)) }
    }
    let zero = curves.thresholds.firstIndex(of: 0) ?? 0
    let needed = curves.epochsNeeded(0.5)
    return Figure(
      id: "gain-by-shared-training", title: "Does shared training make souping safe?",
      caption:
        "P(gain > k) among the pairs that share so many epochs before they part. \(GainAxis.definition(curves.gain)). "
        + intervals,
      alternative:
        "Curves of the chance of gains above \(Text.list(names)) over \(curves.groups.count) numbers of shared epochs. "
        + (needed.map { "Of pairs that share at least \($0.sharedEpochs) epochs, surely more than half gain." } ?? ""),
      aspect: 2.1,
      specification: banded(
        color: [
          "field": "threshold", "type": "nominal", "legend": ["title": .string("gain (\(GainAxis.unit(curves.gain)))")],
          "scale": [
            "domain": .array(names.map { .string($0) }),
            "range": .array(["@faint", "@amber", "@blue", "@violet"].enumerated().map { $0 == zero ? "@blue" : $1 }),
          ],
        ],
        y: Encoding.quantity("value", "Pairs (%)", zero: true, domain: [0, 100]),
        hover: [("threshold", "gain", nil)] + hover(".1f", "pairs (%)")), tables: ["data": data])
  }

  /// P(gain > 0) of accuracy, loss, and both under corruption.
  private static func fourGains(_ curves: [GainCurves]) -> Figure? {
    guard curves.count > 1 else { return nil }
    var data = bands("gain_of")
    for curve in curves {
      guard let zero = curve.thresholds.firstIndex(of: 0) else { continue }
      for group in curve.groups { data.add(row(GainAxis.name(curve.gain), group, group.above[zero], 100)) }
    }
    return Figure(
      id: "chance-of-gain", title: "The chance of a gain, by its meaning",
      caption: "P(gain > 0) by shared epochs for \(curves.count) definitions over \(parent(curves[0].gain)): "
        + Text.list(curves.map { GainAxis.noun($0.gain) })
        + ". A soup without a score under corruption is left out. " + intervals,
      alternative: "Curves of the chance of a gain over shared epochs, for \(curves.count) definitions of gain.",
      layout: .small, aspect: 1.1,
      specification: banded(
        color: GainAxis.series(curves.map(\.gain)),
        y: Encoding.quantity("value", "Pairs (%)", zero: true, domain: [0, 100]),
        hover: [("gain_of", "gain in", nil)] + hover(".1f", "pairs (%)"), bandsShown: curves.count < 3),
      tables: ["data": data])
  }

  /// E[gain | gain > 0] of accuracy.
  private static func expected(_ curves: [GainCurves]) -> Figure? {
    let shown = curves.filter { !$0.gain.measure.isLoss }
    var data = bands("gain_of")
    for curve in shown {
      for group in curve.groups {
        if let expected = group.expectedPositive { data.add(row(GainAxis.name(curve.gain), group, expected, 1)) }
      }
    }
    guard data.rows.count > 1, let first = shown.first else { return nil }
    return Figure(
      id: "expected-gain", title: "If it gains, how much?",
      caption: "Mean gain of the pairs that gain, by shared epochs. "
        + shown.map { GainAxis.definition($0.gain) }.joined(separator: ". ")
        + ". Groups without a gain are left out. " + intervals,
      alternative: "Curves of the mean gain among pairs that gain over shared epochs.", layout: .small, aspect: 1.1,
      specification: banded(
        color: GainAxis.series(shown.map(\.gain)),
        y: Encoding.quantity("value", "Mean gain of pairs that gain (\(GainAxis.unit(first.gain)))", zero: true),
        hover: [("gain_of", "gain in", nil)] + hover(".3f", "mean gain")), tables: ["data": data])
  }

  private static func collapsed(_ curves: GainCurves, _ collapse: Double) -> Figure? {
    guard curves.groups.contains(where: { $0.collapsed.value > 0 }) else { return nil }
    var data = bands("what")
    for group in curves.groups { data.add(row("collapsed", group, group.collapsed, 100)) }
    return Figure(
      id: "collapse", title: "Collapse",
      caption:
        "The share of soups that have collapsed, with an accuracy below \(Text.fixed(collapse, 0)) %, by shared epochs. \(intervals)",
      alternative: "Curve of the share of collapsed soups over shared epochs.", layout: .small, aspect: 1.1,
      specification: banded(
        color: ["value": "@red"], y: Encoding.quantity("value", "Collapsed soups (%)", zero: true),
        hover: hover(".1f", "collapsed (%)")), tables: ["data": data])
  }

  // MARK: Lines with two bands

  private static func bands(_ series: String) -> DataTable {
    DataTable([series, "shared", "pairs", "value", "low", "high", "low_models", "high_models"])
  }

  private static func row(
    _ series: JSON, _ group: GainCurves.Group, _ estimate: GainCurves.Estimate, _ factor: Double
  ) -> [JSON] {
    [series, .number(Double(group.sharedEpochs)), .number(Double(group.pairs))]
      + [
        estimate.value, estimate.pairs.lower, estimate.pairs.upper, estimate.models?.lower, estimate.models?.upper,
      ].map { $0.map { rounded($0 * factor, digits: 4) } ?? .null }
  }

  private static func hover(_ format: String, _ title: String) -> [Encoding.Hover] {
    [
      ("shared", "shared epochs", "d"), ("pairs", "pairs", "d"), ("value", title, format), ("low", "from", format),
      ("high", "to", format), ("low_models", "from, over models", format), ("high_models", "to, over models", format),
    ]
  }

  private static func banded(color: JSON, y: JSON, hover: [Encoding.Hover], bandsShown: Bool = true) -> JSON {
    func band(_ low: String, _ high: String, _ opacity: Double) -> JSON {
      [
        "mark": ["type": "area", "opacity": .number(opacity), "clip": true],
        "encoding": [
          "y": ["field": .string(low), "type": "quantitative"], "y2": ["field": .string(high)], "color": color,
        ],
      ]
    }
    let line: JSON = [
      "mark": ["type": "line", "strokeWidth": 2, "point": ["filled": true, "size": 34]],
      "encoding": ["y": y, "color": color, "tooltip": Encoding.tooltip(hover)],
    ]
    return [
      "data": ["name": "data"],
      "encoding": ["x": Encoding.quantity("shared", "Epochs trained together")],
      "layer": .array(
        (bandsShown ? [band("low_models", "high_models", 0.1), band("low", "high", 0.22)] : []) + [line]),
    ]
  }

  private static func parent(_ gain: SoupGain) -> String {
    gain.parent == .best ? "the better parent" : "the mean parent"
  }
}

/// Heat maps of a computed shift: accuracy for every corruption and severity, and what the mixtures gain on each.
public struct CorruptionMaps {
  /// - Parameter records: `corruption` records of one shift, of all models.
  public static func figures(_ records: [JSON], set: String, _ table: ResultTable) -> [Figure] {
    guard let map = Values(records), let best = table.best else { return [] }
    var figures: [Figure] = []
    if map[best.name] != nil { figures.append(accuracies(map, best, set)) }
    // The one to show in full is chosen as models are chosen: by held-out images.
    let mixtures = table.mixtures.filter { map[$0.name] != nil }
    let shown =
      table.heldOut.flatMap { heldOut in
        mixtures.filter { $0.passes ?? 1 == 1 }.max {
          $0.accuracy(on: heldOut) ?? 0 < $1.accuracy(on: heldOut) ?? 0
        }
      } ?? mixtures.first
    if map[best.name] != nil {
      if let shown { figures.append(gains(map, shown, over: best, set, isChosen: mixtures.count > 1)) }
      if !mixtures.isEmpty { figures.append(models(map, mixtures, over: best, set)) }
    }
    return figures
  }

  /// Accuracies by model, corruption and severity.
  private struct Values {
    private(set) var corruptions: [String] = []
    private(set) var severities: [Int] = []
    private var values: [String: [String: [Int: Double]]] = [:]

    init?(_ records: [JSON]) {
      for record in records {
        guard let model = record["model"]?.string, let corruption = record["corruption"]?.string,
          let severity = record["severity"]?.number.flatMap({ Int(exactly: $0) }), let top1 = record["top1"]?.number
        else { continue }
        if !corruptions.contains(corruption) { corruptions.append(corruption) }
        if !severities.contains(severity) { severities.append(severity) }
        values[model, default: [:]][corruption, default: [:]][severity] = top1
      }
      severities.sort()
      if corruptions.isEmpty { return nil }
    }

    subscript(model: String) -> [String: [Int: Double]]? { values[model] }
  }

  private static func accuracies(_ map: Values, _ model: EvaluatedModel, _ set: String) -> Figure {
    var data = DataTable(["model", "corruption", "severity", "accuracy", "shade"])
    let all = map[model.name]!.values.flatMap(\.values)
    let (low, high) = (all.min() ?? 0, all.max() ?? 1)
    for corruption in map.corruptions {
      for severity in map.severities {
        guard let value = map[model.name]?[corruption]?[severity] else { continue }
        data.add([
          .string(model.ownName), .string(words(corruption)), .number(Double(severity)), .number(value * 100),
          .number(high > low ? (value - low) / (high - low) : 0.5),
        ])
      }
    }
    let worst = data.rows.min { $0[3].number! < $1[3].number! }!
    return Figure(
      id: "corruptions-" + Identifier.make(set), title: "Where accuracy is lost: \(set)",
      caption:
        "Top-1 accuracy (%) of the best single model (\(model.ownName)) on the same images under every corruption and severity.",
      alternative:
        "Heat map of accuracy by corruption and severity, from \(Text.percent(low, decimals: 1)) % to "
        + "\(Text.percent(high, decimals: 1)) %; the lowest for \(worst[1].string ?? "?") at severity \(Text.value(worst[2])).",
      layout: .half, aspect: 1, minimumHeight: height(map),
      specification: cells(
        map, x: severity, value: "accuracy", format: ".1f",
        color: [
          "field": "accuracy", "type": "quantitative", "scale": ["range": "heatmap", "zero": false, "nice": false],
          "legend": ["title": "accuracy (%)", "titleOrient": "left", "tickCount": 3, "gradientLength": 120],
        ], isDark: "datum.shade > 0.5",
        tooltip: [
          ("model", "model", nil), ("corruption", "corruption", nil), ("severity", "severity", "d"),
          ("accuracy", "accuracy (%)", ".2f"),
        ]), tables: ["data": data])
  }

  private static func gains(
    _ map: Values, _ model: EvaluatedModel, over best: EvaluatedModel, _ set: String, isChosen: Bool
  ) -> Figure {
    var data = DataTable(["model", "corruption", "severity", "gain", "accuracy", "best"])
    for corruption in map.corruptions {
      for severity in map.severities {
        guard let own = map[model.name]?[corruption]?[severity], let other = map[best.name]?[corruption]?[severity]
        else { continue }
        data.add([
          .string(model.name), .string(words(corruption)), .number(Double(severity)), .number((own - other) * 100),
          .number(own * 100), .number(other * 100),
        ])
      }
    }
    let gains = data.rows.compactMap { $0[3].number }
    let better = gains.count { $0 > 0 }
    return Figure(
      id: "corruption-gain-" + Identifier.make(set), title: "What the \(model.kind.title.lowercased()) gains",
      caption:
        "Accuracy of \(model.name) minus that of the best single model (\(best.ownName)), in points, under every corruption and "
        + "severity of \(set): above 0 in \(better) of \(gains.count)."
        + (isChosen ? " Shown is the soup that is best on held-out images." : ""),
      alternative:
        "Heat map of the gain of \(model.name) by corruption and severity: above 0 in \(better) of \(gains.count).",
      layout: .half, aspect: 1, minimumHeight: height(map),
      specification: cells(
        map, x: severity, value: "gain", format: "+.1f", color: diverging("gain", gains),
        isDark: "abs(datum.gain) > \(0.7 * limit(gains))",
        tooltip: [
          ("model", "model", nil), ("corruption", "corruption", nil), ("severity", "severity", "d"),
          ("accuracy", "accuracy (%)", ".2f"), ("best", "best single (%)", ".2f"), ("gain", "gain (points)", "+.2f"),
        ]), tables: ["data": data])
  }

  private static func models(
    _ map: Values, _ mixtures: [EvaluatedModel], over best: EvaluatedModel, _ set: String
  ) -> Figure {
    var data = DataTable(["model", "kind", "corruption", "gain", "accuracy", "best"])
    func mean(_ model: EvaluatedModel, _ corruption: String) -> Double? {
      guard let values = map[model.name]?[corruption], values.count == map.severities.count else { return nil }
      return values.values.reduce(0, +) / Double(values.count)
    }
    for corruption in map.corruptions {
      for model in mixtures {
        guard let own = mean(model, corruption), let other = mean(best, corruption) else { continue }
        data.add([
          .string(model.name), .string(model.kind.title), .string(words(corruption)), .number((own - other) * 100),
          .number(own * 100), .number(other * 100),
        ])
      }
    }
    let gains = data.rows.compactMap { $0[3].number }
    let x: JSON = [
      "field": "kind", "type": "nominal", "sort": .array(mixtures.map { .string($0.kind.title) }),
      "axis": [
        "title": nil, "orient": "top", "labelAngle": -28, "labelAlign": "left", "domain": false, "ticks": false,
        "labelOverlap": false,
      ],
    ]
    return Figure(
      id: "corruption-models-" + Identifier.make(set), title: "Every mixture under every corruption",
      caption:
        "Mean accuracy over the severities of each corruption of \(set), minus that of the best single model (\(best.ownName)), "
        + "in points.",
      alternative:
        "Heat map of gains by corruption and mixture, from \(Text.points((gains.min() ?? 0) / 100)) to "
        + "\(Text.points((gains.max() ?? 0) / 100)) points.",
      aspect: 1.6, minimumHeight: height(map),
      specification: cells(
        map, x: x, value: "gain", format: "+.1f", color: diverging("gain", gains),
        isDark: "abs(datum.gain) > \(0.7 * limit(gains))",
        tooltip: [
          ("model", "model", nil), ("kind", "kind", nil), ("corruption", "corruption", nil),
          ("accuracy", "accuracy (%)", ".2f"), ("best", "best single (%)", ".2f"), ("gain", "gain (points)", "+.2f"),
        ]), tables: ["data": data])
  }

  // MARK: Pieces

  private static let severity: JSON = [
    "field": "severity", "type": "ordinal",
    "axis": ["title": "Severity", "labelAngle": 0, "domain": false, "ticks": false],
  ]

  /// Coloured cells with their numbers: corruptions from top to bottom.
  private static func cells(
    _ map: Values, x: JSON, value: String, format: String, color: JSON, isDark: String, tooltip: [Encoding.Hover]
  ) -> JSON {
    let y: JSON = [
      "field": "corruption", "type": "nominal", "sort": .array(map.corruptions.map { .string(words($0)) }),
      "axis": ["title": nil, "grid": false, "domain": false, "ticks": false, "labelLimit": 120, "labelOverlap": false],
    ]
    return [
      "data": ["name": "data"],
      "encoding": ["x": x, "y": y, "tooltip": Encoding.tooltip(tooltip)],
      "layer": [
        ["mark": ["type": "rect", "stroke": "@paper", "strokeWidth": 1.5], "encoding": ["color": color]],
        [
          "mark": ["type": "text", "fontSize": 11],
          "encoding": [
            "text": ["field": .string(value), "type": "quantitative", "format": .string(format)],
            "color": ["condition": ["test": .string(isDark), "value": "@paper"], "value": "@ink"],
          ],
        ],
      ],
    ]
  }

  private static func diverging(_ field: String, _ values: [Double]) -> JSON {
    let limit = limit(values)
    return [
      "field": .string(field), "type": "quantitative",
      "scale": ["range": "diverging", "domain": [.number(-limit), 0, .number(limit)], "nice": false],
      "legend": [
        "title": "gain (points)", "titleOrient": "left", "tickCount": 3, "gradientLength": 120, "format": "+~g",
      ],
    ]
  }

  /// As far from 0 on one side as on the other.
  private static func limit(_ values: [Double]) -> Double { max(values.map(\.magnitude).max() ?? 0, 0.5) }

  private static func height(_ map: Values) -> Double { Double(map.corruptions.count * 21) }

  /// `gaussian_noise` as people write it.
  private static func words(_ name: String) -> String { name.replacing("_", with: " ") }
}

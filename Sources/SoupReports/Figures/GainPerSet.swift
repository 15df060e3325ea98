import SoupAnalysis

/// Every soup against the best single model, set by set: the difference in points with 95 % intervals, paired where the
/// models are known image by image.
public struct GainPerSet {
  public static func figure(_ table: ResultTable) -> Figure? {
    guard let best = table.best, table.sets.count > 1, !table.mixtures.isEmpty else { return nil }
    var data = DataTable(["model", "kind", "set", "gain", "low", "high", "p"])
    var rows: [String] = []
    var isPaired = true
    func add(
      _ model: EvaluatedModel, _ title: String, _ own: Measurement, _ other: Measurement, _ paired: PairedComparison?
    ) {
      let gain = own.accuracy - other.accuracy
      var interval = paired?.interval
      if paired == nil, let a = own.interval, let b = other.interval { interval = .ofDifference(gain, a, b) }
      if paired == nil { isPaired = false }
      if !rows.contains(title) { rows.append(title) }
      data.add([
        .string(model.name), .string(model.kind.title), .string(title), .number(gain * 100),
        .percent(interval?.lower), .percent(interval?.upper), JSON(paired?.pValue),
      ])
    }
    for set in table.sets {
      for model in table.mixtures {
        guard let own = model.scores[set], let other = best.scores[set] else { continue }
        add(model, table.title(of: set), own, other, own.gain)
      }
    }
    if table.shifts.count > 1, let other = best.shiftMean {
      for model in table.mixtures {
        if let own = model.shiftMean { add(model, "mean of shifts", own, other, own.gain) }
      }
    }
    guard !data.rows.isEmpty else { return nil }
    let kinds = Encoding.kinds(in: table, table.mixtures)
    let order = JSON.array(rows.map { .string($0) })
    let offsets: JSON = [
      "field": "kind", "type": "nominal", "scale": ["domain": .array(kinds.map { .string($0.title) })],
    ]
    let y: JSON = [
      "field": "set", "type": "nominal", "sort": order,
      "axis": [
        "title": nil, "grid": false, "labelFontSize": 12, "titleAngle": 0, "domain": false, "ticks": false,
        "labelLimit": 110,
      ],
      "scale": ["paddingInner": 0.35],
    ]
    let color = Encoding.kinds(kinds)["color"] ?? .null
    let specification: JSON = [
      "data": ["name": "data"],
      "layer": [
        [
          "data": ["values": [["zero": 0]]],
          "mark": ["type": "rule", "color": "@line", "strokeWidth": 1.5], "encoding": ["x": ["datum": 0]],
        ],
        [
          "mark": ["type": "rule", "strokeWidth": 1.6, "strokeOpacity": 0.6],
          "encoding": [
            "y": y, "yOffset": offsets, "color": color,
            "x": ["field": "low", "type": "quantitative"], "x2": ["field": "high"],
          ],
        ],
        [
          "mark": ["type": "point", "filled": true, "size": 100, "opacity": 1],
          "encoding": Encoding.kinds(kinds).merging([
            "y": y, "yOffset": offsets,
            "x": Encoding.quantity("gain", "Gain over the best single model (points)", format: "+.3~r"),
            "tooltip": Encoding.tooltip(
              [
                ("model", "model", nil), ("set", "images", nil), ("gain", "gain (points)", "+.2f"),
                ("low", "from", "+.2f"),
                ("high", "to", "+.2f"),
              ] + (isPaired ? [("p", "p", ".3~g")] : [])),
          ]),
        ],
      ],
    ]
    return Figure(
      id: "gain-per-set", title: "Where the gain is",
      caption:
        "Top-1 accuracy of each mixture minus that of the best single model (\(best.ownName)), in percentage points, "
        + "on every set of images. "
        + (isPaired
          ? "Bars are 95 % intervals of the difference on the same images (paired bootstrap): one that does not reach the "
            + "line at 0 is a difference that other images of the kind would show too."
          : "Bars are 95 % intervals as if the two had been scored on different images; on the same images they are "
            + "narrower, but accuracies alone do not say by how much."),
      alternative: "Dot plot of differences to the best single model. " + alternative(data),
      aspect: max(1.2, 680 / Double(rows.count * (table.mixtures.count * 20 + 24))),
      minimumHeight: Double(rows.count * (table.mixtures.count * 11 + 16)),
      specification: specification, tables: ["data": data])
  }

  private static func alternative(_ data: DataTable) -> String {
    data.rows.map { row in
      "\(row[1].string ?? "") on \(row[2].string ?? ""): \(Text.points((row[3].number ?? 0) / 100))"
    }.joined(separator: "; ") + "."
  }
}

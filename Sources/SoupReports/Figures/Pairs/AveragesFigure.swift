import SoupAnalysis

/// Averages along one run (SWA, EMA) beside soups of two models: what each gains, on clean and on corrupted images.
public struct AveragesFigure {
  public static func figure(_ averages: [PairExtras.Average], _ table: PairTable) -> Figure? {
    let baselines = Dictionary(averages.filter(isBaseline).map { ($0.run, $0) }) { first, _ in first }
    var groups: [(name: String, clean: [Double], corrupted: [Double])] = []
    for average in averages where !isBaseline(average) {
      guard let base = baselines[average.run] else { continue }
      let place = groups.firstIndex { $0.name == average.kind } ?? groups.count
      if place == groups.count { groups.append((average.kind, [], [])) }
      groups[place].clean.append(average.accuracy - base.accuracy)
      if let own = average.corruptedAccuracy, let other = base.corruptedAccuracy {
        groups[place].corrupted.append(own - other)
      }
    }
    guard !groups.isEmpty else { return nil }
    let (clean, corrupted) = (SoupGain(.accuracy), SoupGain(.corruptedAccuracy))
    func soups(_ name: String, _ pairs: [PairTable.Pair]) {
      guard pairs.count > 1 else { return }
      groups.append(
        (
          name, pairs.compactMap { clean.value($0, in: table) }, pairs.compactMap { corrupted.value($0, in: table) }
        ))
    }
    soups("soups that gain", table.pairs.filter { clean.value($0, in: table).map { SoupGain.isAbove($0) } ?? false })
    let shared = table.pairs.compactMap { table.sharedEpochs($0) }
    if let last = shared.max() {
      let border = last - last / 6
      soups("soups, ≥ \(border) shared epochs", table.pairs.filter { table.sharedEpochs($0) ?? 0 >= border })
    }
    var data = DataTable(["what", "images", "mean", "low", "high", "count"])
    let bootstrap = PairedBootstrap(resamples: 1000, method: .percentile)
    for group in groups {
      for (images, values) in [("clean", group.clean), ("corrupted", group.corrupted)] where values.count > 1 {
        let interval = try? bootstrap.mean(values)
        data.add(
          [.string(group.name), .string(images)]
            + [values.reduce(0, +) / Double(values.count), interval?.lower, interval?.upper].map {
              $0.map { rounded($0) } ?? .null
            } + [.number(Double(values.count))])
      }
    }
    let order = JSON.array(groups.map { .string($0.name) })
    let y: JSON = [
      "field": "what", "type": "nominal", "sort": order,
      "axis": ["title": nil, "grid": false, "domain": false, "ticks": false, "labelLimit": 150],
    ]
    let color: JSON = [
      "field": "images", "type": "nominal", "legend": ["title": nil],
      "scale": ["domain": ["clean", "corrupted"], "range": ["@blue", "@teal"]],
    ]
    let offset: JSON = ["field": "images", "type": "nominal", "scale": ["domain": ["clean", "corrupted"]]]
    return Figure(
      id: "averages", title: "Averages along one run against soups of two",
      caption:
        "Accuracy of the average minus that of the last model of the same run, and of soups minus that of the better parent, in points: means "
        + "with 95 % bootstrap intervals over runs and over pairs (which share models).",
      alternative: "Dot plot: "
        + data.rows.map { "\($0[0].string ?? "") on \($0[1].string ?? "") images \(Text.fixed($0[2].number ?? 0, 2))" }
        .joined(separator: "; ") + ".", layout: .wide, aspect: max(1.6, 680 / Double(groups.count * 46 + 40)),
      minimumHeight: Double(groups.count * 42),
      specification: [
        "data": ["name": "data"],
        "layer": [
          GainAxis.zero("x"),
          [
            "mark": ["type": "rule", "strokeWidth": 1.6, "strokeOpacity": 0.6],
            "encoding": [
              "y": y, "yOffset": offset, "color": color, "x": ["field": "low", "type": "quantitative"],
              "x2": ["field": "high"],
            ],
          ],
          [
            "mark": ["type": "point", "filled": true, "size": 90, "opacity": 1],
            "encoding": [
              "y": y, "yOffset": offset, "color": color,
              "x": Encoding.quantity("mean", "Gain (points)", format: "+.3~r"),
              "tooltip": Encoding.tooltip([
                ("what", "", nil), ("images", "images", nil), ("mean", "gain (points)", "+.3f"),
                ("low", "from", "+.3f"),
                ("high", "to", "+.3f"), ("count", "of", "d"),
              ]),
            ],
          ],
        ],
      ], tables: ["data": data])
  }

  private static func isBaseline(_ average: PairExtras.Average) -> Bool { average.kind.lowercased() == "baseline" }
}

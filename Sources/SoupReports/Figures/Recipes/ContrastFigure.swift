import SoupAnalysis

/// Stated questions, answered: how much better one model is than another on every set, seed by seed and on average.
enum ContrastFigure {
  struct Contrast {
    var model: String
    var against: String
    /// Nil for the mean over the shifted sets.
    var set: String?
    /// By study: difference as a fraction, interval over images.
    var seeds: [(seed: String, difference: Double, interval: Interval?)]
    var mean: SeedEstimate?
  }

  static func contrasts(_ studies: [StudyRecords]) -> [Contrast] {
    var contrasts: [Contrast] = []
    for (index, study) in studies.enumerated() {
      for record in study["contrast"] {
        guard let model = record["model"]?.string, let against = record["against"]?.string,
          let difference = record["difference"]?.number
        else { continue }
        let set = record["set"]?.string
        let low = record["interval"]?["lower"]?.number
        let high = record["interval"]?["upper"]?.number
        let interval = low.flatMap { low in high.map { Interval(low, $0) } }
        let seed = record["seed"].map(Text.value) ?? String(index + 1)
        let place =
          contrasts.firstIndex { $0.model == model && $0.against == against && $0.set == set } ?? contrasts.count
        if place == contrasts.count { contrasts.append(Contrast(model: model, against: against, set: set, seeds: [])) }
        contrasts[place].seeds.append((seed, difference, interval))
      }
    }
    return contrasts.map { contrast in
      var contrast = contrast
      contrast.mean = SeedEstimate(contrast.seeds.map(\.difference), single: contrast.seeds.first?.interval)
      return contrast
    }
  }

  static func figure(_ contrasts: [Contrast]) -> Figure? {
    var data = DataTable(["contrast", "set", "seed", "difference", "low", "high", "kind"])
    var rows: [String] = []
    for contrast in contrasts {
      let name = "\(contrast.model)\nover \(contrast.against)\non \(contrast.set ?? "the mean of shifts")"
      if !rows.contains(name) { rows.append(name) }
      func add(_ seed: String, _ difference: Double, _ interval: Interval?, _ kind: String) {
        data.add([
          .string(name), .string(contrast.set ?? "mean of shifts"), .string(seed), .percent(difference),
          .percent(interval?.lower), .percent(interval?.upper), .string(kind),
        ])
      }
      for seed in contrast.seeds { add(seed.seed, seed.difference, seed.interval, "one seed") }
      if contrast.seeds.count > 1, let mean = contrast.mean { add("all", mean.mean, mean.interval, "mean over seeds") }
    }
    guard !data.rows.isEmpty else { return nil }
    let y: JSON = [
      "field": "contrast", "type": "nominal", "sort": .array(rows.map { .string($0) }),
      "axis": [
        "title": nil, "grid": false, "domain": false, "ticks": false, "labelLimit": 170,
        "labelExpr": "split(datum.label, '\\n')",
      ],
    ]
    let kinds: JSON = ["one seed", "mean over seeds"]
    let hasSeeds = contrasts.contains { $0.seeds.count > 1 }
    let color: JSON = [
      "field": "kind", "type": "nominal", "legend": hasSeeds ? ["title": nil] : nil,
      "scale": ["domain": kinds, "range": hasSeeds ? ["@faint", "@blue"] : ["@blue", "@blue"]],
    ]
    return Figure(
      id: "contrasts", title: "The questions that were asked",
      caption:
        "Differences of top-1 accuracy on the same images, in points. Thin: one seed, with the paired bootstrap's 95 % interval over images."
        + (hasSeeds ? " Thick: the mean over seeds with Student's 95 % interval over seeds." : ""),
      alternative: "Dot plot of differences: "
        + contrasts.compactMap { contrast in
          contrast.mean.map {
            "\(contrast.model) over \(contrast.against) on \(contrast.set ?? "shifts") \(Text.points($0.mean))"
          }
        }.joined(separator: "; ") + ".",
      aspect: max(1.2, 680 / Double(rows.count * 54 + 40)), minimumHeight: Double(rows.count * 52),
      specification: [
        "layer": [
          [
            "data": ["values": [["zero": 0]]], "mark": ["type": "rule", "color": "@line", "strokeWidth": 1.5],
            "encoding": ["x": ["field": "zero", "type": "quantitative"]],
          ],
          [
            "data": ["name": "data"], "mark": ["type": "rule", "strokeOpacity": 0.7],
            "encoding": [
              "y": y, "yOffset": ["field": "seed", "type": "nominal"],
              "x": ["field": "low", "type": "quantitative"], "x2": ["field": "high"],
              "color": color,
              "strokeWidth": [
                "field": "kind", "type": "ordinal", "legend": hasSeeds ? ["title": nil] : nil,
                "scale": ["domain": kinds, "range": [1.2, 2.6]],
              ],
            ],
          ],
          [
            "data": ["name": "data"], "mark": ["type": "point", "filled": true, "opacity": 1],
            "encoding": [
              "y": y, "yOffset": ["field": "seed", "type": "nominal"],
              "x": Encoding.quantity("difference", "Difference (points)", format: "+.3~r"),
              "color": color,
              "size": [
                "field": "kind", "type": "ordinal", "legend": hasSeeds ? ["title": nil] : nil,
                "scale": ["domain": kinds, "range": [45, 120]],
              ],
              "tooltip": Encoding.tooltip([
                ("contrast", "", nil), ("seed", "seed", nil), ("difference", "difference", "+.2f"),
                ("low", "from", "+.2f"),
                ("high", "to", "+.2f"),
              ]),
            ],
          ],
        ]
      ], tables: ["data": data])
  }
}

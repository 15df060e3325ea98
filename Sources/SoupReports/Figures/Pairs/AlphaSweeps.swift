import SoupAnalysis

/// Many pairs along α at once: accuracy over the better end.
public struct AlphaSweeps {
  public static func figure(_ points: [PairExtras.SweepPoint]) -> Figure? {
    var sweeps: [(name: String, points: [PairExtras.SweepPoint])] = []
    for point in points {
      let name = "\(point.a) + \(point.b)"
      if let place = sweeps.firstIndex(where: { $0.name == name }) {
        sweeps[place].points.append(point)
      } else {
        sweeps.append((name, [point]))
      }
    }
    sweeps = sweeps.map { ($0.name, $0.points.sorted { $0.alpha < $1.alpha }) }.filter {
      $0.points.count > 2 && $0.points.first!.alpha == 0 && $0.points.last!.alpha == 1
    }
    guard !sweeps.isEmpty else { return nil }
    let titles = ["gains in the middle", "gains elsewhere", "gains nowhere"]
    var data = DataTable(["pair", "alpha", "gain", "accuracy", "kind"])
    var counts = [0, 0, 0]
    var all: [Double] = []
    for sweep in sweeps {
      let best = max(sweep.points.first!.accuracy, sweep.points.last!.accuracy)
      let gains = sweep.points.map { $0.accuracy - best }
      let middle = sweep.points.indices.min { abs(sweep.points[$0].alpha - 0.5) < abs(sweep.points[$1].alpha - 0.5) }!
      let inside = gains.dropFirst().dropLast()
      let kind = SoupGain.isAbove(gains[middle]) ? 0 : inside.contains { SoupGain.isAbove($0) } ? 1 : 2
      counts[kind] += 1
      all += gains
      for (point, gain) in zip(sweep.points, gains) {
        data.add([
          .string(sweep.name), .number(point.alpha), rounded(gain), .number(point.accuracy), .string(titles[kind]),
        ])
      }
    }
    let gain = SoupGain(.accuracy)
    return Figure(
      id: "alpha-sweeps", title: "Along the line between two models",
      caption:
        "Accuracy of (1 − α) · A + α · B minus that of the better end, in points, for \(Text.count(sweeps.count, "pair")): \(counts[0]) gain in the "
        + "middle, \(counts[1]) only elsewhere, \(counts[2]) nowhere inside. The axis is linear near 0 and logarithmic beyond.",
      alternative: "Curves over α for \(sweeps.count) pairs; \(counts[0]) gain in the middle.", aspect: 2,
      specification: [
        "layer": [
          GainAxis.zero("y"),
          [
            "data": ["name": "data"],
            "mark": ["type": "line", "strokeWidth": 1.6, "opacity": 0.9, "point": ["filled": true, "size": 18]],
            "encoding": [
              "x": [
                "field": "alpha", "type": "quantitative", "scale": ["nice": false],
                "axis": ["title": "α: share of the second", "tickCount": 6],
              ],
              "y": GainAxis.encoding("gain", "Over the better end (points)", gain, all),
              "detail": ["field": "pair", "type": "nominal"],
              "color": [
                "field": "kind", "type": "nominal", "legend": ["title": nil],
                "scale": ["domain": .array(titles.map { .string($0) }), "range": ["@blue", "@amber", "@red"]],
              ],
              "tooltip": Encoding.tooltip([
                ("pair", "pair", nil), ("alpha", "α", ".2f"), ("accuracy", "accuracy (%)", ".2f"),
                ("gain", "over the better end", "+.2f"),
              ]),
            ],
          ],
        ]
      ], tables: ["data": data])
  }
}

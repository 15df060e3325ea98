import SoupAnalysis

/// Interpolations between two models: a measure against the share of the second.
public struct AlphaCurves {
  /// One figure for each measure: accuracy and loss.
  /// - Parameters:
  ///   - points: `line` records of one sweep.
  ///   - barriers: `barrier` records of it, which have intervals.
  public static func figures(
    _ points: [JSON], barriers: [JSON] = [], name: String, titles: (String) -> String
  ) -> [Figure] {
    ["top1", "loss"].compactMap { figure(points, barriers, name: name, metric: Metric($0), titles: titles) }
  }

  private static func figure(
    _ points: [JSON], _ measured: [JSON], name: String, metric: Metric, titles: (String) -> String
  ) -> Figure? {
    let points = points.filter { $0["alpha"]?.number != nil && $0[metric.name]?.number != nil }
      .sorted { $0["alpha"]?.number ?? 0 < $1["alpha"]?.number ?? 0 }
    guard points.count > 2 else { return nil }
    var data = DataTable(["set", "alpha", "value"])
    var sets: [String] = []
    var barriers: [String] = []
    for point in points {
      let set = title(point, titles)
      if !sets.contains(set) { sets.append(set) }
      data.add([.string(set), point["alpha"] ?? .null, metric.value(point[metric.name]?.number ?? 0)])
    }
    for set in sets {
      let curve = points.filter { title($0, titles) == set }
        .map { (alpha: $0["alpha"]?.number ?? 0, value: ($0[metric.name]?.number ?? 0) * (metric.isLoss ? 1 : -1)) }
      if let barrier = try? LossBarrier(curve) {
        let own = measured.first {
          $0["metric"]?.string == (metric.isLoss ? "loss" : "error") && (sets.count == 1 || title($0, titles) == set)
        }
        barriers.append((sets.count == 1 ? "" : set + " ") + metric.difference(barrier.height) + interval(own, metric))
      }
    }
    let from = points.first?["from"]?.string ?? "the first model"
    let to = points.first?["to"]?.string ?? "the second"
    var encoding: JSON = [
      "x": [
        "field": "alpha", "type": "quantitative", "scale": ["nice": false],
        "axis": ["title": .string("α: share of \(to)"), "tickCount": 5],
      ],
      "y": Encoding.quantity("value", metric.title.prefix(1).uppercased() + metric.title.dropFirst()),
      "tooltip": Encoding.tooltip([
        ("set", "images", nil), ("alpha", "α", ".3f"), ("value", metric.noun, metric.format),
      ]),
    ]
    if sets.count > 1 {
      encoding["color"] = [
        "field": "set", "type": "nominal", "scale": ["domain": .array(sets.map { .string($0) }), "range": "category"],
        "legend": ["title": nil],
      ]
    }
    let line: JSON = ["type": "line", "strokeWidth": 2, "point": ["filled": true, "size": 40]]
    return Figure(
      id: "line-\(Identifier.make(name))-\(Identifier.make(metric.name))",
      title: "\(metric.noun.prefix(1).uppercased() + metric.noun.dropFirst()) from \(from) to \(to)",
      caption:
        "(1 − α) · \(from) + α · \(to), in weights. Barrier: the most by which the curve is worse than the straight "
        + "line between its ends: \(barriers.joined(separator: "; ")).",
      alternative: "Curves of \(metric.noun) over the interpolation from \(from) to \(to); barrier "
        + "\(barriers.joined(separator: "; ")).",
      layout: .half, aspect: 1.5,
      specification: [
        "data": ["name": "data"], "encoding": encoding,
        "mark": sets.count > 1 ? line : line.merging(["color": "@blue", "point": ["color": "@blue"]]),
      ], tables: ["data": data])
  }

  /// ` (95 %: 0.0100 to 0.0180)`, where it was measured image by image.
  private static func interval(_ barrier: JSON?, _ metric: Metric) -> String {
    guard let interval = barrier?["interval"], let lower = interval["lower"]?.number,
      let upper = interval["upper"]?.number
    else { return "" }
    return " (95 %: \(metric.difference(lower)) to \(metric.difference(upper)))"
  }

  private static func title(_ point: JSON, _ titles: (String) -> String) -> String {
    point["set"]?.string.map(titles) ?? "score"
  }
}

extension Metric {
  /// A difference in the metric's unit.
  func difference(_ value: Double) -> String {
    isFraction ? Text.fixed(value * 100, 2) + " points" : Text.fixed(value, 4) + (isLoss ? " nats" : "")
  }
}

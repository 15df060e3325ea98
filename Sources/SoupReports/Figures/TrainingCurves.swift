/// Loss and held-out accuracy along every training.
public struct TrainingCurves {
  /// - Parameter records: `training` records of all models.
  public static func figures(_ records: [JSON], _ table: ResultTable) -> [Figure] {
    [
      figure(records, table, event: "train", metric: Metric("loss"), title: "Training loss"),
      figure(records, table, event: "held-out", metric: Metric("top1"), title: "Held-out accuracy"),
    ].compactMap { $0 }
  }

  /// Points of one curve at most; beyond, means of neighbours.
  private static let limit = 200

  private static func figure(
    _ records: [JSON], _ table: ResultTable, event: String, metric: Metric, title: String
  ) -> Figure? {
    var curves: [String: [(step: Double, value: Double)]] = [:]
    var order: [String] = []
    for record in records where record["event"]?.string == event {
      guard let model = record["model"]?.string, let step = record["step"]?.number,
        let value = record[metric.name]?.number ?? (metric.name == "top1" ? record["accuracy"]?.number : nil)
      else { continue }
      if curves[model] == nil { order.append(model) }
      curves[model, default: []].append((step, value))
    }
    guard curves.contains(where: { $0.value.count > 1 }) else { return nil }
    let kinds = Dictionary(table.models.map { ($0.name, table.kind(of: $0)) }) { first, _ in first }
    func kind(_ name: String) -> ModelKind { name == table.best?.name ? .best : kinds[name] ?? .ingredient }
    var data = DataTable(["model", "kind", "step", "value"])
    for name in order.filter({ kind($0) == .ingredient }) + order.filter({ kind($0) != .ingredient }) {
      for point in thinned(curves[name] ?? []) {
        data.add([.string(name), .string(kind(name).title), JSON(point.step), metric.value(point.value)])
      }
    }
    let present = [ModelKind.ingredient, .base, .best].filter { order.map(kind).contains($0) }
    let specification: JSON = [
      "data": ["name": "data"],
      "mark": ["type": "line", "strokeWidth": 1.6, "opacity": 0.85, "interpolate": "monotone"],
      "encoding": [
        "x": [
          "field": "step", "type": "quantitative", "scale": ["nice": false],
          "axis": ["title": "Training step", "tickCount": 5],
        ],
        "y": Encoding.quantity("value", metric.title.prefix(1).uppercased() + metric.title.dropFirst()),
        "detail": ["field": "model", "type": "nominal"], "color": Encoding.kinds(present)["color"] ?? .null,
        "tooltip": Encoding.tooltip([
          ("model", "model", nil), ("step", "step", "d"), ("value", metric.noun, metric.format),
        ]),
      ],
    ]
    return Figure(
      id: "training-" + Identifier.make(event + " " + metric.name), title: title,
      caption:
        "\(title)\(metric.isLoss ? " (cross-entropy in nats, as trained: with smoothing and mixup where used)" : "") along "
        + "the steps of \(Text.count(order.count, "training")), one line each.",
      alternative: "\(title) of \(Text.count(order.count, "training")) against the training step.", layout: .half,
      aspect: 1.5,
      specification: specification, tables: ["data": data])
  }

  private static func thinned(_ points: [(step: Double, value: Double)]) -> [(step: Double, value: Double)] {
    guard points.count > limit else { return points }
    return (0..<limit).map { index in
      let part = points[(index * points.count / limit)..<((index + 1) * points.count / limit)]
      return (part.last!.step, part.reduce(0) { $0 + $1.value } / Double(part.count))
    }
  }
}

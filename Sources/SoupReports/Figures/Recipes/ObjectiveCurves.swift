/// The loss of every objective along its trainings: one figure an objective, as losses of different objectives have different units.
enum ObjectiveCurves {
  static func figures(_ studies: [StudyRecords]) -> [Figure] {
    var objectives: [String] = []
    var curves: [String: [(model: String, points: [(step: Double, value: Double)])]] = [:]
    for (index, study) in studies.enumerated() {
      var of: [String: String] = [:]
      for model in study["model"] {
        if let name = model["model"]?.string, let objective = model["hyperparameters"]?["objective"]?.string {
          of[name] = objective
        }
      }
      var points: [String: [(step: Double, value: Double)]] = [:]
      var order: [String] = []
      for record in study["training"] where record["event"]?.string == "train" {
        guard let name = record["model"]?.string, of[name] != nil, let step = record["step"]?.number,
          let loss = record["loss"]?.number
        else { continue }
        if points[name] == nil { order.append(name) }
        points[name, default: []].append((step, loss))
      }
      for name in order {
        let objective = of[name]!
        if !objectives.contains(objective) { objectives.append(objective) }
        let title = studies.count > 1 ? "\(name), study \(index + 1)" : name
        curves[objective, default: []].append((title, thinned(points[name]!)))
      }
    }
    return objectives.compactMap { figure($0, curves[$0]!) }
  }

  private static func figure(
    _ objective: String, _ curves: [(model: String, points: [(step: Double, value: Double)])]
  ) -> Figure? {
    var data = DataTable(["model", "step", "loss"])
    for curve in curves where curve.points.count > 1 {
      for point in curve.points { data.add([.string(curve.model), .number(point.step), rounded(point.value)]) }
    }
    guard data.rows.count > 1 else { return nil }
    return Figure(
      id: "objective-" + Identifier.make(objective), title: "Training by \(title(objective))",
      caption:
        "Training loss of \(title(objective)) along the steps of \(Text.count(curves.count, "training")), in the objective's own unit.",
      alternative: "Curves of the training loss of \(title(objective)).", layout: .small, aspect: 1.25,
      specification: [
        "data": ["name": "data"], "mark": ["type": "line", "strokeWidth": 1.6, "opacity": 0.85],
        "encoding": [
          "x": [
            "field": "step", "type": "quantitative", "scale": ["nice": false],
            "axis": ["title": "Step", "tickCount": 4],
          ],
          "y": Encoding.quantity("loss", "Loss"),
          "color": ["field": "model", "type": "nominal", "scale": ["range": "category"], "legend": nil],
          "tooltip": Encoding.tooltip([("model", "model", nil), ("step", "step", "d"), ("loss", "loss", ".4~r")]),
        ],
      ], tables: ["data": data])
  }

  static func title(_ objective: String) -> String {
    switch objective {
    case "mae": "MAE"
    case "mocov3": "MoCo v3"
    case "mmcr": "MMCR"
    case "lejepa": "LeJEPA"
    default: objective
    }
  }

  private static func thinned(_ points: [(step: Double, value: Double)]) -> [(step: Double, value: Double)] {
    let limit = 120
    guard points.count > limit else { return points }
    return (0..<limit).map { index in
      let part = points[(index * points.count / limit)..<((index + 1) * points.count / limit)]
      return (part.last!.step, part.reduce(0) { $0 + $1.value } / Double(part.count))
    }
  }
}

/// One small figure for every hyperparameter that varied: its value against test accuracy, coloured by accuracy under shift.
public struct HyperparameterFigures {
  public static func figures(_ table: ResultTable) -> [Figure] {
    guard let set = table.test ?? table.heldOut else { return [] }
    let models = table.models.filter { $0.kind == .ingredient && $0.accuracy(on: set) != nil }
    return AccuracyVersusShift.hyperparameterNames(models).compactMap { name in
      let values = models.compactMap { model in model.hyperparameters[name].map { (model, $0) } }
      guard Set(values.map(\.1)).count > 1, values.count > 2 else { return nil }
      return figure(name, values, table, set)
    }
  }

  private static func figure(
    _ name: String, _ values: [(EvaluatedModel, JSON)], _ table: ResultTable, _ set: String
  ) -> Figure? {
    let hasShift = values.contains { table.shiftAccuracy(of: $0.0) != nil }
    var data = DataTable(["model", "value", "accuracy", "shift"])
    let numbers = values.compactMap(\.1.number)
    let isNumeric = numbers.count == values.count
    for (model, value) in values {
      data.add([
        .string(model.name), isNumeric ? value : .string(Text.value(value)),
        model.accuracy(on: set).map { .number($0 * 100) } ?? .null,
        table.shiftAccuracy(of: model).map { .number($0 * 100) } ?? .null,
      ])
    }
    if !isNumeric, Set(data.rows.map { $0[1] }).count > 12 { return nil }
    let isLogarithmic = isNumeric && (numbers.min() ?? 0) > 0 && (numbers.max() ?? 0) / (numbers.min() ?? 1) > 20
    var x: JSON
    if isNumeric {
      x = Encoding.quantity("value", name, format: isLogarithmic ? "~g" : nil, log: isLogarithmic)
      if isLogarithmic { x["axis"] = ["title": .string(name), "tickCount": 4, "format": "~e", "labelOverlap": true] }
      if !isLogarithmic { x["axis"] = ["title": .string(name), "tickCount": 5] }
    } else {
      x = ["field": "value", "type": "nominal", "axis": ["title": .string(name), "labelAngle": 0, "labelLimit": 90]]
    }
    let title = table.title(of: set)
    var encoding: JSON = [
      "x": x, "y": Encoding.quantity("accuracy", "\(title) (%)"),
      "tooltip": Encoding.tooltip(
        [("model", "model", nil), ("value", name, nil), ("accuracy", title, ".2f")]
          + (hasShift ? [("shift", "under shift", ".2f")] : [])),
    ]
    var mark: JSON = ["type": "point", "filled": true, "size": 55, "opacity": 0.9, "color": "@blue"]
    if hasShift {
      mark["stroke"] = "@line"
      mark["strokeWidth"] = 0.5
      encoding["color"] = [
        "field": "shift", "type": "quantitative", "scale": ["range": "ramp"],
        "legend": ["title": "under shift (%)", "gradientLength": 110, "tickCount": 3, "titleOrient": "left"],
      ]
    }
    let identifier = "hyperparameter-" + Identifier.make(name)
    return Figure(
      id: identifier, title: titles[name] ?? name.prefix(1).uppercased() + name.dropFirst().replacing("-", with: " "),
      caption:
        "\(Text.count(values.count, "single model")): \(name)\(isLogarithmic ? " (logarithmic)" : "") against accuracy on "
        + "\(title)\(hasShift ? "; the colour is the mean accuracy under shift" : "").",
      alternative: alternative(name, values, set, title), layout: .small, aspect: 1.45,
      specification: ["data": ["name": "data"], "mark": mark, "encoding": encoding], tables: ["data": data])
  }

  private static let titles = [
    "lr": "Learning rate", "wd": "Weight decay", "aug": "Augmentation", "augment": "Augmentation",
  ]

  private static func alternative(
    _ name: String, _ values: [(EvaluatedModel, JSON)], _ set: String, _ title: String
  ) -> String {
    let best = values.max { $0.0.accuracy(on: set) ?? 0 < $1.0.accuracy(on: set) ?? 0 }
    return "Scatter plot of \(name) against accuracy on \(title) for \(Text.count(values.count, "model"))."
      + (best.map { " The most accurate has \(Text.value($0.1))." } ?? "")
  }
}

/// Every model as a point: accuracy on the test set against mean accuracy under distribution shift; soups as large marks
/// with 95 % intervals. The paper's first figure.
/// - Source: Wortsman et al., 2022, arXiv:2203.05482, figure 1.
public struct AccuracyVersusShift {
  /// Nil when fewer than two models have both accuracies.
  public static func figure(_ table: ResultTable) -> Figure? {
    guard let test = table.test, !table.shifts.isEmpty else { return nil }
    let special = table.headline
    let names = Set(special.map(\.name))
    let models = table.models.filter { !names.contains($0.name) } + special
    let parameters = hyperparameterNames(models)
    var data = DataTable(
      ["model", "kind", "test", "test_low", "test_high", "shift", "shift_low", "shift_high", "held_out"]
        + table.shifts + parameters)
    for model in models {
      guard let x = model.accuracy(on: test), let y = table.shiftAccuracy(of: model) else { continue }
      let (dx, dy) = (model.scores[test]?.interval, table.shiftInterval(of: model))
      var row: [JSON] = [.string(model.name), .string(table.kind(of: model).title)]
      row += [x, dx?.lower, dx?.upper, y, dy?.lower, dy?.upper].map(JSON.percent)
      row.append(.percent(table.heldOut.flatMap { model.accuracy(on: $0) }))
      row += table.shifts.map { .percent(model.accuracy(on: $0)) }
      row += parameters.map { model.hyperparameters[$0] ?? .null }
      data.add(row)
    }
    guard data.rows.count > 1 else { return nil }
    let kinds = Encoding.kinds(in: table, models)
    let testTitle = table.title(of: test)
    var hover: [Encoding.Hover] = [
      ("model", "model", nil), ("kind", "kind", nil), ("test", testTitle, ".2f"), ("shift", "mean of shifts", ".2f"),
    ]
    for (field, set) in zip(data.columns.dropFirst(9), table.shifts) {
      hover.append((field, table.title(of: set), ".2f"))
    }
    for (field, name) in zip(data.columns.suffix(parameters.count), parameters) { hover.append((field, name, nil)) }
    let tooltip = Encoding.tooltip(hover)
    let x = Encoding.quantity("test", "Accuracy on \(testTitle) (%)")
    let y = Encoding.quantity("shift", "Mean accuracy under \(shiftCount(table)) (%)")
    let isSpecial = "datum.kind !== \(JSON.string(ModelKind.ingredient.title).text)"
    let intervals: [JSON] = [("x", "test"), ("y", "shift")].map { axis, field in
      let encoding: JSON = [
        axis: ["field": .string(field + "_low"), "type": "quantitative"],
        axis + "2": ["field": .string(field + "_high")],
        "color": Encoding.kinds(kinds)["color"] ?? .null,
      ]
      return [
        "transform": [["filter": .string(isSpecial)]],
        "mark": ["type": "rule", "strokeWidth": 1.2, "strokeOpacity": 0.55], "encoding": encoding,
      ]
    }
    let marks: JSON = Encoding.kinds(kinds).merging(["tooltip": tooltip])
    let singles: JSON = [
      "transform": [["filter": .string("!(\(isSpecial))")]],
      "mark": ["type": "point", "filled": true, "size": 55, "opacity": 0.7], "encoding": marks,
    ]
    let large: JSON = [
      "transform": [["filter": .string(isSpecial)]],
      "mark": ["type": "point", "filled": true, "size": 210, "opacity": 1, "stroke": "@paper", "strokeWidth": 1.2],
      "encoding": marks,
    ]
    let specification: JSON = [
      "data": ["name": "data"], "encoding": ["x": x, "y": y], "layer": .array([singles] + intervals + [large]),
    ]
    return Figure(
      id: "accuracy-versus-shift", title: "Accuracy and robustness",
      caption: caption(table, testTitle), alternative: alternative(table, test, data.rows.count), aspect: 1.5,
      specification: specification, tables: ["data": data])
  }

  private static func shiftCount(_ table: ResultTable) -> String {
    table.shifts.count == 1 ? table.title(of: table.shifts[0]) : "\(table.shifts.count) distribution shifts"
  }

  private static func caption(_ table: ResultTable, _ test: String) -> String {
    "Each point is a model: top-1 accuracy on \(test) against the unweighted mean of its accuracies on "
      + table.shifts.map { table.title(of: $0) }.joined(separator: ", ")
      + ". Up and to the right is better. Large marks carry 95 % intervals for the sampling of the images; models are "
      + "scored on the same ones, so differences between marks are surer than the intervals suggest."
  }

  private static func alternative(_ table: ResultTable, _ test: String, _ count: Int) -> String {
    let points = table.headline.compactMap { model -> String? in
      guard let x = model.accuracy(on: test), let y = table.shiftAccuracy(of: model) else { return nil }
      return "\(table.kind(of: model).title) \(Text.percent(x)) % and \(Text.percent(y)) %"
    }
    return "Scatter plot of \(count) models, accuracy on \(table.title(of: test)) against mean accuracy under shift. "
      + points.joined(separator: "; ") + "."
  }

  static func hyperparameterNames(_ models: [EvaluatedModel]) -> [String] {
    Set(models.flatMap { $0.hyperparameters.keys }).sorted()
  }
}

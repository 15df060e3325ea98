import SoupAnalysis

/// Held-out against test accuracy: how far the held-out images can be trusted to choose a model.
public struct HeldOutVersusTest {
  public static func figure(_ table: ResultTable) -> Figure? {
    guard let heldOut = table.heldOut, let test = table.test else { return nil }
    let special = table.headline
    let names = Set(special.map(\.name))
    let models = table.models.filter { !names.contains($0.name) } + special
    var data = DataTable(["model", "kind", "held_out", "test"])
    var pairs: [(Double, Double)] = []
    for model in models {
      guard let x = model.accuracy(on: heldOut), let y = model.accuracy(on: test) else { continue }
      data.add([.string(model.name), .string(table.kind(of: model).title), .number(x * 100), .number(y * 100)])
      if table.singles.contains(where: { $0.name == model.name }) { pairs.append((x, y)) }
    }
    guard pairs.count > 2 else { return nil }
    let kinds = Encoding.kinds(in: table, models)
    let titles = (table.title(of: heldOut), table.title(of: test))
    let isSingle = "datum.kind === \(JSON.string(ModelKind.ingredient.title).text)"
    let encoding = Encoding.kinds(kinds).merging([
      "x": Encoding.quantity("held_out", "Accuracy on \(titles.0) images (%)"),
      "y": Encoding.quantity("test", "Accuracy on \(titles.1) (%)"),
      "tooltip": Encoding.tooltip([
        ("model", "model", nil), ("kind", "kind", nil), ("held_out", titles.0, ".2f"), ("test", titles.1, ".2f"),
      ]),
    ])
    let specification: JSON = [
      "data": ["name": "data"],
      "layer": [
        [
          "transform": [["filter": .string(isSingle)]],
          "mark": ["type": "point", "filled": true, "size": 50, "opacity": 0.7], "encoding": encoding,
        ],
        [
          "transform": [["filter": .string("!(\(isSingle))")]],
          "mark": [
            "type": "point", "filled": true, "size": 170, "opacity": 1, "stroke": "@paper", "strokeWidth": 1,
          ],
          "encoding": encoding,
        ],
      ],
    ]
    let correlation = (try? Correlation.spearman(pairs.map(\.0), pairs.map(\.1)))?.coefficient ?? .nan
    return Figure(
      id: "held-out-versus-test", title: "Does the held-out set choose well?",
      caption:
        "Each point is a model: accuracy on the held-out images, by which models are chosen, against accuracy on "
        + "the test set. Over the \(pairs.count) single models the rank correlation (Spearman) is "
        + "\(Text.fixed(correlation, 3)); 1 would be the same order on both.",
      alternative: "Scatter plot of held-out against test accuracy of \(data.rows.count) models; rank correlation "
        + "\(Text.fixed(correlation, 3)).",
      aspect: 2, specification: specification, tables: ["data": data])
  }
}

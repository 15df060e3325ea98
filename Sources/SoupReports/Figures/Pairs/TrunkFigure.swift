import SoupAnalysis

/// Held-out accuracy of the trunk along its epochs, and where its branches end.
public struct TrunkFigure {
  static func figure(_ records: StudyRecords, _ table: PairTable) -> Figure? {
    let bases = Set(records["model"].filter { $0["role"]?.string == "base" }.compactMap { $0["model"]?.string })
    var curve = DataTable(["epoch", "accuracy", "loss"])
    for record in records["training"] where bases.contains(record["model"]?.string ?? "") {
      guard record["event"]?.string == "held-out", let epoch = record["epoch"]?.number,
        let accuracy = (record["top1"] ?? record["accuracy"])?.number
      else { continue }
      curve.add([.number(epoch), .number(accuracy * 100), record["loss"] ?? .null])
    }
    var ends = DataTable(["model", "epoch", "accuracy", "variant", "corrupted"])
    for model in table.models {
      guard let epoch = model.branchEpoch else { continue }
      ends.add([
        .string(model.name), .number(Double(epoch)), .number(model.scores.accuracy),
        .string(model.variant ?? "–"), JSON(model.scores.corruptedAccuracy),
      ])
    }
    guard ends.rows.count > 1 else { return nil }
    var layers: [JSON] = []
    var tables = ["branches": ends]
    let x = Encoding.quantity("epoch", "Epoch of the trunk")
    if curve.rows.count > 1 {
      tables["trunk"] = curve
      layers.append([
        "data": ["name": "trunk"],
        "mark": ["type": "line", "color": "@ink", "strokeWidth": 1.8],
        "encoding": [
          "x": x, "y": ["field": "accuracy", "type": "quantitative"],
          "tooltip": Encoding.tooltip([("epoch", "epoch", "d"), ("accuracy", "trunk, held out (%)", ".2f")]),
        ],
      ])
    }
    layers.append([
      "data": ["name": "branches"], "mark": ["type": "point", "filled": true, "size": 60, "opacity": 0.9],
      "encoding": [
        "x": x, "y": Encoding.quantity("accuracy", "Accuracy (%)"),
        "color": [
          "field": "variant", "type": "nominal", "scale": ["range": "category"],
          "legend": ["title": "branch, variant", "titleOrient": "left"],
        ],
        "tooltip": Encoding.tooltip([
          ("model", "model", nil), ("epoch", "left the trunk after epoch", "d"), ("variant", "variant", nil),
          ("accuracy", "test accuracy (%)", ".2f"), ("corrupted", "corrupted (%)", ".2f"),
        ]),
      ],
    ])
    return Figure(
      id: "trunk", title: "The trunk and where its branches end",
      caption:
        "Line: held-out accuracy of the trunk along its epochs. Marks: test accuracy of every branch, at the epoch at which it left the trunk; "
        + "branches were trained on from there to the end, so that an early one had more epochs of its own.",
      alternative:
        "Curve of the trunk's held-out accuracy with the accuracies of \(ends.rows.count) branches by branch epoch.",
      aspect: 2.2, specification: ["layer": .array(layers)], tables: tables)
  }
}

/// The coefficients of a learned or sampled soup: one share for each ingredient, or one for each ingredient and tensor.
public struct CoefficientFigure {
  /// - Parameter records: `coefficient` records of one soup.
  public static func figure(_ records: [JSON], name: String) -> Figure? {
    let records = records.filter { $0["ingredient"]?.string != nil && $0["value"]?.number != nil }
    guard records.count > 1 else { return nil }
    let isLayered = records.contains { $0["tensor"]?.string != nil }
    var data = DataTable(["ingredient", "tensor", "coefficient"])
    var (ingredients, tensors): ([JSON], [JSON]) = ([], [])
    for record in records {
      let (ingredient, tensor) = (record["ingredient"]!, record["tensor"] ?? "all")
      if !ingredients.contains(ingredient) { ingredients.append(ingredient) }
      if !tensors.contains(tensor) { tensors.append(tensor) }
      data.add([ingredient, tensor, record["value"]!])
    }
    let hover = Encoding.tooltip(
      [("ingredient", "ingredient", nil)] + (isLayered ? [("tensor", "tensor", nil)] : []) + [
        ("coefficient", "share", ".3f")
      ])
    let rows: JSON = [
      "field": "ingredient", "type": "nominal", "sort": .array(ingredients),
      "axis": ["title": nil, "grid": false, "labelLimit": 130],
    ]
    let uniform = 1 / Double(ingredients.count)
    let specification: JSON =
      isLayered
      ? [
        "data": ["name": "data"], "mark": ["type": "rect"],
        "encoding": [
          "x": [
            "field": "tensor", "type": "nominal", "sort": .array(tensors),
            "axis": ["title": "Parameter tensors, from input to output", "labels": false, "ticks": false],
          ],
          "y": rows, "tooltip": hover,
          "color": [
            "field": "coefficient", "type": "quantitative", "scale": ["range": "heatmap", "domainMin": 0],
            "legend": ["title": "share", "titleOrient": "left"],
          ],
        ],
      ]
      : [
        "data": ["name": "data"],
        "layer": [
          [
            "data": ["values": [["uniform": .number(uniform)]]],
            "mark": ["type": "rule", "color": "@line", "strokeWidth": 1.5],
            "encoding": ["x": ["datum": .number(uniform)]],
          ],
          [
            "mark": ["type": "point", "filled": true, "size": 90, "color": "@violet", "opacity": 1],
            "encoding": [
              "x": Encoding.quantity("coefficient", "Share in the soup", zero: true), "y": rows, "tooltip": hover,
            ],
          ],
        ],
      ]
    let largest = data.rows.max { $0[2].number! < $1[2].number! }!
    return Figure(
      id: "coefficients-" + Identifier.make(name), title: "Shares in \(name)",
      caption: isLayered
        ? "The share of every ingredient in every parameter tensor; the shares of one tensor sum to 1, the uniform soup's are "
          + "\(Text.fixed(uniform, 3))."
        : "The share of every ingredient; they sum to 1. The line is the uniform soup's \(Text.fixed(uniform, 3)).",
      alternative:
        "Shares of \(ingredients.count) ingredients\(isLayered ? " in \(tensors.count) tensors" : ""); the largest is "
        + "\(Text.fixed(largest[2].number!, 3)), of \(largest[0].string ?? "?").",
      aspect: max(1.4, min(3, 20 / Double(ingredients.count))),
      minimumHeight: Double(ingredients.count * 18), specification: specification, tables: ["data": data])
  }
}

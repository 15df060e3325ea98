import SoupAnalysis

/// Which variants of training soup with which, as a matrix.
public struct VariantMap {
  public static func figure(_ variants: VariantTable?) -> Figure? {
    guard let variants, variants.cells.count > 1 else { return nil }
    var data = DataTable(["first", "second", "chance", "pairs", "collapsed", "median", "label"])
    for cell in variants.cells {
      data.add([
        .string(cell.first), .string(cell.second), .percent(cell.positive), .number(Double(cell.pairs)),
        .percent(cell.collapsed), rounded(cell.median), .string(Text.fixed(cell.positive * 100, 1)),
      ])
    }
    let names = JSON.array(variants.rows.map { .string($0.variant) })
    func axis(_ field: String, _ title: String) -> JSON {
      [
        "field": .string(field), "type": "nominal", "sort": names,
        "axis": ["title": .string(title), "labelAngle": 0, "ticks": false, "domain": false, "grid": false],
      ]
    }
    let highest = variants.cells.map(\.positive).max() ?? 0
    let position: JSON = [
      "x": axis("first", "Variant"), "y": axis("second", "Variant"),
    ]
    return Figure(
      id: "variants", title: "Which variants soup with which",
      caption:
        "Percentage of pairs of the two variants whose soup gains, whatever their branch points. \(GainAxis.definition(variants.gain)).",
      alternative: "Matrix of the chance of a gain for \(variants.rows.count) variants of training.",
      layout: .half, aspect: 1.3,
      specification: [
        "data": ["name": "data"], "encoding": position,
        "layer": [
          [
            "mark": ["type": "rect", "stroke": "@paper", "strokeWidth": 2],
            "encoding": [
              "color": [
                "field": "chance", "type": "quantitative", "scale": ["range": "heatmap", "zero": true],
                "legend": ["title": "gain (%)", "titleOrient": "left", "gradientLength": 100, "tickCount": 3],
              ],
              "tooltip": Encoding.tooltip([
                ("first", "variant", nil), ("second", "variant", nil), ("chance", "gain (%)", ".1f"),
                ("pairs", "pairs", "d"), ("collapsed", "collapsed (%)", ".1f"), ("median", "median gain", "+.4~r"),
              ]),
            ],
          ],
          [
            "mark": ["type": "text", "fontSize": 12, "fontWeight": 600],
            "encoding": [
              "text": ["field": "label", "type": "nominal"],
              "color": [
                "condition": ["test": .string("datum.chance > \(highest * 50)"), "value": "@paper"], "value": "@ink",
              ],
            ],
          ],
        ],
      ], tables: ["data": data])
  }

  public static func table(_ variants: VariantTable?) -> ReportTable? {
    guard let variants else { return nil }
    let hasCorrupted = variants.rows.contains { $0.corruptedAccuracy != nil }
    let columns =
      ["variant", "models", "mean accuracy (%)"] + (hasCorrupted ? ["corrupted (%)"] : [])
      + ["pairs", "gain (%)", "collapsed (%)", "median gain"]
    var data = DataTable(columns)
    let rows = variants.rows.map { row -> ReportTable.Row in
      let values: [Double] =
        [row.accuracy] + (hasCorrupted ? [row.corruptedAccuracy ?? .nan] : []) + [Double(row.cell.pairs)]
        + [row.cell.positive * 100, row.cell.collapsed * 100, row.cell.median]
      data.add([.string(row.variant), .number(Double(row.models))] + values.map { .number($0) })
      let cells = values.enumerated().map { index, value in
        ReportTable.Cell(
          Text.fixed(value, index == values.count - 4 ? 0 : index == values.count - 1 ? 4 : index > 1 ? 1 : 2))
      }
      return .init(name: row.variant, cells: [.init(String(row.models))] + cells)
    }
    return ReportTable(
      id: "variants-table",
      caption:
        "Models and pairs by variant of training; a pair counts for both of its variants. \(GainAxis.definition(variants.gain)).",
      columns: columns, rows: rows, data: data)
  }
}

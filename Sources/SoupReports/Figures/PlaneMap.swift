/// The plane through three models: a measure on a grid, as colour with contours, with the models marked.
///
/// One unit of length, Euclidean in the weights, is as long on either axis.
/// - Source: Wortsman et al., 2022, arXiv:2203.05482, figure 2.
public struct PlaneMap {
  /// - Parameters:
  ///   - points: `plane` records of one plane and one set.
  ///   - marks: `mark` records of the plane.
  public static func figure(_ points: [JSON], marks: [JSON], name: String, set: String, metric: String) -> Figure? {
    let metric = Metric(metric)
    let values = points.compactMap { point -> (x: Double, y: Double, value: Double)? in
      guard let x = point["x"]?.number, let y = point["y"]?.number, let value = point[metric.name]?.number else {
        return nil
      }
      return (x, y, metric.isFraction ? value * 100 : value)
    }
    let (xs, ys) = (Set(values.map(\.x)).sorted(), Set(values.map(\.y)).sorted())
    guard xs.count > 1, ys.count > 1 else { return nil }
    let (edgesX, edgesY) = (edges(xs), edges(ys))
    var grid = [[Double?]](repeating: [Double?](repeating: nil, count: xs.count), count: ys.count)
    let columns = Dictionary(uniqueKeysWithValues: xs.enumerated().map { ($1, $0) })
    let rows = Dictionary(uniqueKeysWithValues: ys.enumerated().map { ($1, $0) })
    var cells = DataTable(["x", "y", "value", "left", "right", "bottom", "top"])
    for point in values {
      let (column, row) = (columns[point.x]!, rows[point.y]!)
      grid[row][column] = point.value
      cells.add(
        [point.x, point.y, point.value, edgesX[column], edgesX[column + 1], edgesY[row], edgesY[row + 1]].map {
          JSON($0)
        })
    }
    var contours = DataTable(["level", "x", "y", "x2", "y2"])
    for segment in Contours.segments(xs, ys, grid, levels: Contours.levels(values.map(\.value))) {
      contours.add([segment.level, segment.from.x, segment.from.y, segment.to.x, segment.to.y].map { JSON($0) })
    }
    var models = DataTable(["model", "x", "y"])
    for mark in marks where mark["x"]?.number != nil && mark["y"]?.number != nil {
      models.add([mark["model"] ?? "?", mark["x"]!, mark["y"]!])
    }
    let best = values.max { metric.isLoss ? $0.value > $1.value : $0.value < $1.value }!
    func position(_ field: String, _ domain: [Double], title: JSON) -> JSON {
      [
        "field": .string(field), "type": "quantitative", "axis": ["title": title, "grid": false, "tickCount": 5],
        "scale": ["domain": [.number(domain.first!), .number(domain.last!)], "nice": false, "zero": false],
      ]
    }
    let specification: JSON = [
      "layer": .array(
        [
          [
            "data": ["name": "cells"], "mark": ["type": "rect", "clip": true],
            // Cells overlap a little: no seams.
            "transform": [
              ["calculate": "datum.right + 0.05 * (datum.right - datum.left)", "as": "right_drawn"],
              ["calculate": "datum.top + 0.05 * (datum.top - datum.bottom)", "as": "top_drawn"],
            ],
            "encoding": [
              "x": position("left", edgesX, title: "Distance in weights"), "x2": ["field": "right_drawn"],
              "y": position("bottom", edgesY, title: nil), "y2": ["field": "top_drawn"],
              "color": MapColor.encoding(metric),
              "tooltip": Encoding.tooltip([("value", metric.noun, metric.format), ("x", "x", ".3f"), ("y", "y", ".3f")]
              ),
            ],
          ],
          [
            "data": ["name": "contours"],
            "mark": ["type": "rule", "color": "@paper", "strokeWidth": 0.9, "strokeOpacity": 0.65],
            "encoding": [
              "x": ["field": "x", "type": "quantitative"], "x2": ["field": "x2"],
              "y": ["field": "y", "type": "quantitative"],
              "y2": ["field": "y2"],
            ],
          ],
          MapColor.points("models"),
        ] + MapColor.labels("models"))
    ]
    return Figure(
      id: "plane-\(Identifier.make(name))-\(Identifier.make(set))-\(Identifier.make(metric.name))",
      title: "\(metric.noun.prefix(1).uppercased() + metric.noun.dropFirst()) in the plane \(name)",
      caption:
        "\(metric.noun.prefix(1).uppercased() + metric.noun.dropFirst()) on \(set) over the plane through three models: "
        + "x along the line from the first to the second, y perpendicular to it, both in Euclidean length of the weights. "
        + "Lines join equal values. The best grid point has \(metric.text(metric.isFraction ? best.value / 100 : best.value)).",
      alternative:
        "Map of \(metric.noun) on \(set): \(values.count) grid points from \(Text.fixed(values.map(\.value).min()!, 2)) to "
        + "\(Text.fixed(values.map(\.value).max()!, 2)), best at x \(Text.fixed(best.x, 2)), y \(Text.fixed(best.y, 2)); marked: "
        + models.rows.compactMap(\.first?.string).joined(separator: ", ") + ".",
      layout: .square, aspect: (edgesX.last! - edgesX.first!) / (edgesY.last! - edgesY.first!),
      specification: specification, tables: ["cells": cells, "contours": contours, "models": models])
  }

  /// Midpoints between neighbours, and as far beyond the ends.
  private static func edges(_ values: [Double]) -> [Double] {
    let middles = zip(values, values.dropFirst()).map { ($0 + $1) / 2 }
    return [values[0] - (middles[0] - values[0])] + middles + [values.last! + (values.last! - middles.last!)]
  }
}

/// What both kinds of maps draw alike.
enum MapColor {
  /// The better, the further along the ramp.
  static func encoding(_ metric: Metric) -> JSON {
    [
      "field": "value", "type": "quantitative",
      "scale": ["range": "heatmap", "zero": false, "nice": false, "reverse": .bool(metric.isLoss)],
      "legend": ["title": .string(metric.title), "titleOrient": "left", "tickCount": 4],
    ]
  }

  static func points(_ dataset: String) -> JSON {
    [
      "data": ["name": .string(dataset)],
      "mark": [
        "type": "point", "filled": true, "size": 95, "color": "@paper", "stroke": "@ink", "strokeWidth": 2,
        "opacity": 1,
      ],
      "encoding": [
        "x": ["field": "x", "type": "quantitative"], "y": ["field": "y", "type": "quantitative"],
        "tooltip": Encoding.tooltip([("model", "model", nil)]),
      ],
    ]
  }

  /// Names above their points: once wide in the colour of the page, once in ink.
  static func labels(_ dataset: String) -> [JSON] {
    let halo: JSON = ["type": "text", "dy": -14, "fontSize": 12, "fontWeight": 600, "clip": false]
    return [
      halo.merging(["stroke": "@paper", "strokeWidth": 4, "strokeJoin": "round"]), halo.merging(["color": "@ink"]),
    ]
    .map { mark in
      [
        "data": ["name": .string(dataset)], "mark": mark,
        "encoding": [
          "x": ["field": "x", "type": "quantitative"], "y": ["field": "y", "type": "quantitative"],
          "text": ["field": "model", "type": "nominal"],
        ],
      ]
    }
  }
}

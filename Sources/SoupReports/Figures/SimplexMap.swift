/// All mixtures of three models: a measure over their shares, in a triangle whose corners are the models.
public struct SimplexMap {
  /// - Parameters:
  ///   - points: `simplex` records of one simplex and one set; shares `a`, `b`, `c` sum to 1.
  ///   - marks: `mark` records; a corner without one is called A, B or C.
  public static func figure(_ points: [JSON], marks: [JSON], name: String, set: String, metric: String) -> Figure? {
    let metric = Metric(metric)
    let values = points.compactMap { point -> (shares: [Double], value: Double)? in
      guard let shares = mixture(point), let value = point[metric.name]?.number else { return nil }
      return (shares, metric.isFraction ? value * 100 : value)
    }
    guard values.count > 3 else { return nil }
    var cells = DataTable(["a", "b", "c", "x", "y", "value"])
    for point in values { cells.add((point.shares + place(point.shares) + [point.value]).map { JSON($0) }) }
    var models = DataTable(["model", "x", "y"])
    let named = marks.compactMap { mark in mixture(mark).map { (mark["model"]?.string ?? "?", $0) } }
    for (index, letter) in ["A", "B", "C"].enumerated() {
      let corner = (0..<3).map { $0 == index ? 1.0 : 0 }
      let name = named.first { zip($0.1, corner).allSatisfy { abs($0 - $1) < 1e-6 } }?.0 ?? letter
      models.add([.string(name)] + place(corner).map { JSON($0) })
    }
    for (name, shares) in named where shares.max()! < 1 - 1e-6 {
      models.add([.string(name)] + place(shares).map { JSON($0) })
    }
    let best = values.max { metric.isLoss ? $0.value > $1.value : $0.value < $1.value }!
    var ring = DataTable(["x", "y"])
    ring.add(place(best.shares).map { JSON($0) })
    // A triangular grid with s shares to a side has (s + 1)(s + 2) / 2 points; its cells are hexagons of this radius.
    let side = ((8 * Double(values.count) + 1).squareRoot() - 3) / 2
    let radius = "(width / 1.16 / \(side) / 1.732 * 1.06)"
    let position = { (field: String, low: Double, high: Double) -> JSON in
      [
        "field": .string(field), "type": "quantitative", "axis": nil,
        "scale": ["domain": [.number(low), .number(high)], "nice": false],
      ]
    }
    let (x, y) = (position("x", -0.08, 1.08), position("y", -0.08, 0.95))
    let specification: JSON = [
      "encoding": ["x": x, "y": y],
      "layer": .array(
        [
          [
            "data": ["name": "cells"],
            "mark": [
              "type": "point", "filled": true, "shape": .string(ModelKind.hexagon), "opacity": 1,
              "size": ["expr": .string("pow(2 * \(radius), 2)")],
            ],
            "encoding": [
              "color": MapColor.encoding(metric),
              "tooltip": Encoding.tooltip([
                ("value", metric.noun, metric.format), ("a", corner(models, 0), ".3f"), ("b", corner(models, 1), ".3f"),
                ("c", corner(models, 2), ".3f"),
              ]),
            ],
          ],
          [
            "data": ["name": "best"],
            "mark": [
              "type": "point", "filled": false, "size": 170, "stroke": "@paper", "strokeWidth": 2.5, "opacity": 1,
            ],
          ],
          MapColor.points("models"),
        ] + MapColor.labels("models")),
    ]
    let shares = zip(best.shares, models.rows).map { "\(Text.percent($0, decimals: 0)) % \($1[0].string ?? "")" }
    let text = metric.text(metric.isFraction ? best.value / 100 : best.value)
    let corners = values.filter { $0.shares.max()! > 1 - 1e-6 }.map(\.value)
    let bar = metric.isLoss ? corners.min() : corners.max()
    let good = bar.map { bar in values.count { metric.isLoss ? $0.value <= bar : $0.value >= bar } }
    return Figure(
      id: "simplex-\(Identifier.make(name))-\(Identifier.make(set))-\(Identifier.make(metric.name))",
      title: "\(metric.noun.prefix(1).uppercased() + metric.noun.dropFirst()) of every mixture of three",
      caption:
        "\(metric.noun.prefix(1).uppercased() + metric.noun.dropFirst()) on \(set) of the weighted means of three models; the "
        + "corners are the models, the centre their uniform soup. The ring marks the best grid point: \(Text.list(shares)), \(text)."
        + (good.map { " \($0) of \(values.count) mixtures are at least as good as the best corner, corners included." }
          ?? ""),
      alternative:
        "Triangular map of \(metric.noun) on \(set) over \(values.count) mixtures; best \(text) at \(Text.list(shares)).",
      layout: .square, aspect: 1.16 / 1.03, specification: specification,
      tables: ["cells": cells, "best": ring, "models": models])
  }

  private static func mixture(_ record: JSON) -> [Double]? {
    guard let a = record["a"]?.number, let b = record["b"]?.number, let c = record["c"]?.number else { return nil }
    return [a, b, c]
  }

  /// Corners at (0, 0), (1, 0) and (1/2, √3/2).
  private static func place(_ shares: [Double]) -> [Double] {
    [shares[1] + shares[2] / 2, shares[2] * 0.75.squareRoot()]
  }

  private static func corner(_ models: DataTable, _ index: Int) -> String { models.rows[index][0].string ?? "?" }
}

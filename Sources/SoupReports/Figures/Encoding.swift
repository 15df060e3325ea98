/// The pieces that the figures' specifications are made of.
enum Encoding {
  static func quantity(
    _ field: String, _ title: String, format: String? = nil, zero: Bool = false, log: Bool = false,
    domain: [Double]? = nil
  ) -> JSON {
    // Room for marks at the ends.
    var scale: JSON = ["zero": .bool(zero), "nice": .bool(domain == nil)]
    if domain == nil, !zero { scale["padding"] = 8 }
    if log { scale = ["type": "log", "nice": false] }
    if let domain { scale["domain"] = .array(domain.map { .number($0) }) }
    var axis: JSON = ["title": .string(title)]
    if log { axis["tickCount"] = 4 }
    if let format { axis["format"] = .string(format) }
    return ["field": .string(field), "type": "quantitative", "scale": scale, "axis": axis]
  }

  /// Colour and shape of models by what they are, with one legend for both, in the order given.
  static func kinds(_ kinds: [ModelKind], field: String = "kind") -> JSON {
    let titles = JSON.array(kinds.map { .string($0.title) })
    return [
      "color": [
        "field": .string(field), "type": "nominal",
        "scale": ["domain": titles, "range": .array(kinds.map { .string($0.style.color) })], "legend": ["title": nil],
      ],
      "shape": [
        "field": .string(field), "type": "nominal",
        "scale": ["domain": titles, "range": .array(kinds.map { .string($0.style.shape) })], "legend": ["title": nil],
      ],
    ]
  }

  /// A line of the box that appears when a mark is pointed at; numbers have a format.
  typealias Hover = (field: String, title: String, format: String?)

  static func tooltip(_ fields: [Hover]) -> JSON {
    .array(
      fields.map { field, title, format in
        var entry: JSON = ["field": .string(field), "title": .string(title)]
        entry["type"] = format == nil ? "nominal" : "quantitative"
        if let format { entry["format"] = .string(format) }
        return entry
      })
  }

  /// `datum['field'] === 'value'` as a Vega expression that any value is safe in.
  static func equals(_ field: String, _ value: String) -> JSON {
    .string("datum[\(JSON.string(field).text)] === \(JSON.string(value).text)")
  }

  /// The kinds that occur, singles first, each once.
  static func kinds(in table: ResultTable, _ models: [EvaluatedModel]) -> [ModelKind] {
    var kinds: [ModelKind] = []
    for model in models where !kinds.contains(table.kind(of: model)) { kinds.append(table.kind(of: model)) }
    let order: [ModelKind] = [.ingredient, .base, .best]
    return order.filter(kinds.contains) + kinds.filter { !order.contains($0) }
  }
}

import SoupAnalysis

/// Every pair of models: how alike the two are against what their soup gains.
public struct GainAgainstSimilarity {
  /// Above so many, points are drawn as one mark for all in a cell of a grid.
  static let limit = 400

  /// - Parameter isPositive: only pairs that gain, on a linear axis.
  public static func figure(
    _ table: PairTable, _ gain: SoupGain, measure: String, isPositive: Bool = false, layout: Figure.Layout = .half
  ) -> Figure? {
    guard table.measures.contains(measure) else { return nil }
    let pairs = table.pairs.filter { pair in
      guard pair.similarities[measure] != nil, let value = gain.value(pair, in: table) else { return false }
      return !isPositive || SoupGain.isAbove(value)
    }
    guard pairs.count > 2 else { return nil }
    let x = pairs.map { $0.similarities[measure]! }
    let y = pairs.map { gain.value($0, in: table)! }
    let shared = pairs.map { table.sharedEpochs($0).map(Double.init) }
    let data = points(table, pairs, x, y, shared, gain, isLinear: isPositive)
    let isBinned = pairs.count > limit
    let name = Self.name(measure)
    let spearman = (try? Correlation.spearman(x, y))?.coefficient ?? .nan
    let title = Self.lowercased(name) + (isPositive ? ", pairs that gain" : "")
    var encoding: JSON = [
      "x": Encoding.quantity("similarity", name, format: ".3~r"),
      "y": isPositive
        ? Encoding.quantity("gain", GainAxis.title(gain), format: ".3~r", zero: true)
        : GainAxis.encoding("gain", GainAxis.title(gain), gain, y),
      "tooltip": Encoding.tooltip(
        isBinned
          ? [
            ("pairs", "pairs", "d"), ("similarity", "mean \(name)", ".4~r"), ("gain", "mean gain", "+.4~r"),
            ("shared", "mean shared epochs", ".0f"),
          ]
          : [
            ("a", "first", nil), ("b", "second", nil), ("similarity", name, ".4~r"), ("gain", "gain", "+.4~r"),
            ("shared", "shared epochs", "d"),
          ]),
    ]
    encoding["color"] = GainAxis.sharedEpochs(table)
    if isBinned {
      encoding["size"] = [
        "field": "pairs", "type": "quantitative", "scale": ["type": "sqrt", "range": [9, 190]], "legend": nil,
      ]
    }
    let mark: JSON = ["type": "point", "filled": true, "opacity": 1]
    return Figure(
      id: "gain-against-" + Identifier.make(measure) + (isPositive ? "-positive" : ""), title: "Gain against \(title)",
      caption:
        "\(name) of two models against the gain of their soup, \(pairs.count) pairs\(isPositive ? " that gain" : ""). "
        + "\(GainAxis.definition(gain)). Spearman's correlation: \(Text.fixed(spearman, 3)). "
        + (isBinned ? "A mark stands for all pairs near it, its area for how many. " : "")
        + "Colour: the epochs they were trained together.",
      alternative:
        "Scatter plot of \(name) against gain for \(pairs.count) pairs; Spearman \(Text.fixed(spearman, 3)).",
      layout: layout, aspect: layout == .small ? 1.1 : 1.3,
      specification: [
        "data": ["name": "data"],
        "layer": [
          GainAxis.zero("y"),
          ["mark": isBinned ? mark : mark.merging(["size": 20]), "encoding": encoding],
        ],
      ], tables: ["data": data])
  }

  private static func points(
    _ table: PairTable, _ pairs: [PairTable.Pair], _ x: [Double], _ y: [Double], _ shared: [Double?], _ gain: SoupGain,
    isLinear: Bool
  ) -> DataTable {
    guard pairs.count > limit else {
      var data = DataTable(["a", "b", "similarity", "gain", "shared"])
      for (index, pair) in pairs.enumerated() {
        data.add([
          .string(table.models[pair.a].name), .string(table.models[pair.b].name), rounded(x[index]), rounded(y[index]),
          JSON(shared[index]),
        ])
      }
      return data
    }
    let grid = DensityGrid(
      x, y, shades: shared, columns: 40, rows: 30, scale: (nil, isLinear ? nil : GainAxis.constant(gain)))
    var data = DataTable(["similarity", "gain", "pairs", "shared"])
    for cell in grid.cells.sorted(by: { $0.count > $1.count }) {
      data.add([
        rounded(cell.x), rounded(cell.y), .number(Double(cell.count)),
        cell.shade.map { rounded($0, digits: 3) } ?? .null,
      ])
    }
    return data
  }

  /// Within a sentence: acronyms stay.
  static func lowercased(_ name: String) -> String {
    guard name.dropFirst().first?.isLowercase ?? false else { return name }
    return name.prefix(1).lowercased() + name.dropFirst()
  }

  /// `Symmetric KL of the logits`.
  static func name(_ measure: String) -> String {
    switch measure {
    case "kl_logits", "kl": "Symmetric KL divergence (nats)"
    case "js_logits", "js": "Jensen–Shannon divergence (nats)"
    case "mse_logits", "mse": "MSE of logits"
    case "l2_distance", "l2": "L2 distance of weights"
    case "cosine_similarity", "cosine": "Cosine of weights"
    case "cka_logits": "CKA of logits"
    case "cka_features": "CKA of features"
    case "relative_l2": "L2 distance over mean norm"
    case "angle": "Angle of weights"
    case "task_cosine": "Cosine of task vectors"
    case "task_angle": "Angle of task vectors"
    case "sign_agreement": "Agreement of signs"
    case "disagreement": "Disagreement of predictions"
    default: measure.replacing("_", with: " ").prefix(1).uppercased() + measure.replacing("_", with: " ").dropFirst()
    }
  }
}

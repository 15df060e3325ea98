import Foundation
import SoupAnalysis

/// Axes of gains. Most soups lose a lot or gain a little: a symmetric-logarithmic axis shows both, linear near 0.
enum GainAxis {
  /// Half of what the axis shows linearly: 0.01 nats, 0.1 points.
  static func constant(_ gain: SoupGain) -> Double { gain.measure.isLoss ? 0.01 : 0.1 }

  static func encoding(
    _ field: String, _ title: String, _ gain: SoupGain, _ values: some Sequence<Double>, tickCount: Int = 7
  ) -> JSON {
    [
      "field": .string(field), "type": "quantitative",
      "scale": ["type": "symlog", "constant": .number(constant(gain)), "nice": false, "padding": 8],
      "axis": [
        "title": .string(title), "format": ".3~r",
        "values": .array(ticks(gain, values, tickCount).map { .number($0) }),
      ],
    ]
  }

  /// Powers of ten on either side of 0, as many as there is room for.
  private static func ticks(_ gain: SoupGain, _ values: some Sequence<Double>, _ limit: Int) -> [Double] {
    let (low, high) = values.reduce((0.0, 0.0)) { (min($0.0, $1), max($0.1, $1)) }
    let steps: [Double] = gain.measure.isLoss ? [0.01, 0.1, 1, 10] : [0.1, 1, 10, 100]
    let ticks = steps.reversed().map { -$0 } + [0] + steps
    let inside = ticks.filter { $0 == 0 || ($0 < 0 ? $0 >= low * 1.05 : $0 <= high * 1.05) }
    return inside.count > limit ? inside.filter { abs($0) != steps[0] } : inside
  }

  /// Colour by shared epochs, the same in every figure of a table.
  static func sharedEpochs(_ table: PairTable) -> JSON {
    let epochs = table.pairs.compactMap { table.sharedEpochs($0) }
    guard let low = epochs.min(), let high = epochs.max() else { return ["value": "@blue"] }
    return [
      "field": "shared", "type": "quantitative",
      "scale": ["range": "ramp", "domain": [.number(Double(low)), .number(Double(high))]],
      "legend": [
        "title": "shared epochs", "titleOrient": "left", "gradientLength": 100,
        "values": .array(Set([low, (low + high) / 2, high]).sorted().map { .number(Double($0)) }),
      ],
    ]
  }

  /// A line at no gain.
  static func zero(_ axis: String) -> JSON {
    [
      "data": ["values": [["zero": 0]]],
      "mark": ["type": "rule", "color": "@line", "strokeWidth": 1.5],
      "encoding": [axis: ["field": "zero", "type": "quantitative"]],
    ]
  }

  /// `accuracy`, `loss under corruption`.
  static func noun(_ gain: SoupGain) -> String {
    switch gain.measure {
    case .accuracy: "accuracy"
    case .loss: "loss"
    case .corruptedAccuracy: "accuracy under corruption"
    case .corruptedLoss: "loss under corruption"
    }
  }

  static func unit(_ gain: SoupGain) -> String { gain.measure.isLoss ? "nats" : "points" }

  /// `Gain in loss (nats)`.
  static func title(_ gain: SoupGain) -> String { "Gain in \(noun(gain)) (\(unit(gain)))" }

  /// The definition, for captions: `Gain in loss: the better parent's loss minus the soup's, in nats`.
  static func definition(_ gain: SoupGain) -> String {
    let parent = gain.parent == .best ? "the better parent" : "the mean parent"
    return gain.measure.isLoss
      ? "Gain in \(noun(gain)): \(parent)'s \(noun(gain)) minus the soup's, in nats"
      : "Gain in \(noun(gain)): the soup's \(noun(gain)) minus \(parent)'s, in points"
  }

  static func color(_ measure: SoupGain.Measure) -> JSON {
    switch measure {
    case .accuracy: "@blue"
    case .loss: "@red"
    case .corruptedAccuracy: "@amber"
    case .corruptedLoss: "@violet"
    }
  }

  /// Colour and dash of gains by name, with one legend.
  static func series(_ gains: [SoupGain], field: String = "gain_of") -> JSON {
    let names = JSON.array(gains.map { .string(noun($0).prefix(1).uppercased() + noun($0).dropFirst()) })
    var legend: JSON = ["title": nil]
    // Two of the long names side by side are wider than a small figure.
    if gains.contains(where: { noun($0).count > 16 }) { legend["columns"] = 1 }
    return [
      "field": .string(field), "type": "nominal", "legend": legend,
      "scale": ["domain": names, "range": .array(gains.map { color($0.measure) })],
    ]
  }

  static func name(_ gain: SoupGain) -> JSON { .string(noun(gain).prefix(1).uppercased() + noun(gain).dropFirst()) }
}

/// Numbers for files: enough digits to see, no more.
func rounded(_ value: Double, digits: Int = 5) -> JSON {
  .number(Double(String(format: "%.\(digits)g", value)) ?? value)
}

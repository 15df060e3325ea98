import SoupAnalysis

/// The distribution of gains: the share of pairs whose soup gains at most so much.
public struct GainDistribution {
  /// One curve for the gain on clean and on corrupted images.
  public static func figure(_ table: PairTable, _ gain: SoupGain) -> Figure? {
    let other: SoupGain.Measure = gain.measure.isLoss ? .corruptedLoss : .corruptedAccuracy
    let clean: SoupGain.Measure = gain.measure.isLoss ? .loss : .accuracy
    let gains = [clean, other].map { SoupGain($0, over: gain.parent) }
    var data = DataTable(["gain_of", "gain", "share"])
    var parts: [String] = []
    var all: [Double] = []
    var shown: [SoupGain] = []
    for gain in gains {
      let values = table.pairs.compactMap { gain.value($0, in: table) }.sorted()
      guard values.count > 2 else { continue }
      shown.append(gain)
      all += [values[0], values.last!]
      for point in Self.thinned(values) {
        data.add([GainAxis.name(gain), rounded(point.value), rounded(point.share * 100, digits: 4)])
      }
      let positive = values.count { SoupGain.isAbove($0) }
      parts.append("\(Text.fixed(100 * Double(positive) / Double(values.count), 1)) % gain in \(GainAxis.noun(gain))")
    }
    guard !shown.isEmpty else { return nil }
    return Figure(
      id: "gain-distribution-" + (gain.measure.isLoss ? "loss" : "accuracy"),
      title: "How much a soup gains in \(gain.measure.isLoss ? "loss" : "accuracy")",
      caption: shown.map { GainAxis.definition($0) }.joined(separator: ". ")
        + ". The curve is the share of pairs whose soup gains at most as much as the axis says; to the right of 0 the soup is better. "
        + Text.list(parts) + ". The axis is linear within \(GainAxis.constant(gain)) of 0 and logarithmic beyond.",
      alternative: "Cumulative distribution of gains: " + Text.list(parts) + ".", layout: .half, aspect: 1.35,
      specification: [
        "data": ["name": "data"],
        "layer": [
          GainAxis.zero("x"),
          [
            "mark": ["type": "line", "interpolate": "step-after", "strokeWidth": 2],
            "encoding": [
              "x": GainAxis.encoding("gain", "Gain (\(GainAxis.unit(gain)))", gain, all),
              "y": Encoding.quantity("share", "Pairs that gain at most so much (%)", zero: true, domain: [0, 100]),
              "color": GainAxis.series(shown),
              "tooltip": Encoding.tooltip([
                ("gain_of", "gain in", nil), ("gain", "gain", "+.4~r"), ("share", "pairs at or below (%)", ".1f"),
              ]),
            ],
          ],
        ],
      ], tables: ["data": data])
  }

  /// At most 160 steps: as many at equal shares of the pairs as at equal distances around 0.
  private static func thinned(_ sorted: [Double]) -> [(value: Double, share: Double)] {
    let n = sorted.count
    let places = n <= 160 ? Array(0..<n) : (0..<160).map { $0 * (n - 1) / 159 }
    return places.map { (sorted[$0], Double($0 + 1) / Double(n)) }
  }
}

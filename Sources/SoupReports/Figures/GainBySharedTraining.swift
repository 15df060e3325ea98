import SoupAnalysis

/// The chance that a soup of two models gains, by the epochs that they were trained together, with its interval.
public struct GainBySharedTraining {
  public static func figure(_ groups: [SharedTraining.Group]) -> Figure? {
    guard groups.count > 1 else { return nil }
    var data = DataTable(["shared", "pairs", "chance", "low", "high", "collapsed"])
    for group in groups {
      data.add(
        [.number(Double(group.sharedEpochs)), .number(Double(group.pairs))]
          + [
            group.above[SharedTraining.thresholds.firstIndex(of: 0)!], group.positiveInterval.lower,
            group.positiveInterval.upper, group.collapsed,
          ].map { .percent($0) })
    }
    let x = Encoding.quantity("shared", "Shared epochs")
    let hover = Encoding.tooltip([
      ("shared", "shared epochs", "d"), ("pairs", "pairs", "d"), ("chance", "gain (%)", ".1f"), ("low", "from", ".1f"),
      ("high", "to", ".1f"), ("collapsed", "collapsed (%)", ".1f"),
    ])
    return Figure(
      id: "gain-by-shared-training", title: "Shared training",
      caption:
        "Percentage of pairs whose soup is more accurate than the better parent (line, with a 95 % bootstrap band over pairs, "
        + "which share models), and whose soup has collapsed below \(Text.fixed(SharedTraining.collapse, 0)) % accuracy (dashed).",
      alternative: "Curves of the chance of a gain and of a collapse over \(groups.count) numbers of shared epochs.",
      aspect: 2.2,
      specification: [
        "data": ["name": "data"], "encoding": ["x": x],
        "layer": [
          [
            "mark": ["type": "area", "color": "@blue", "opacity": 0.18],
            "encoding": ["y": ["field": "low", "type": "quantitative"], "y2": ["field": "high"]],
          ],
          [
            "mark": ["type": "line", "color": "@blue", "strokeWidth": 2, "point": ["color": "@blue", "size": 40]],
            "encoding": ["y": Encoding.quantity("chance", "Pairs (%)", zero: true), "tooltip": hover],
          ],
          [
            "mark": [
              "type": "line", "color": "@red", "strokeWidth": 1.6, "strokeDash": [5, 3],
              "point": ["color": "@red", "size": 25],
            ],
            "encoding": ["y": ["field": "collapsed", "type": "quantitative"], "tooltip": hover],
          ],
        ],
      ], tables: ["data": data])
  }
}

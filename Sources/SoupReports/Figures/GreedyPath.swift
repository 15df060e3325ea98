/// The greedy search, candidate by candidate: the candidate's own score, the soup with it, and whether it stayed.
/// - Source: Wortsman et al., 2022, arXiv:2203.05482, recipe 1.
public struct GreedyPath {
  /// - Parameter steps: `greedy` records of one search.
  public static func figure(_ steps: [JSON], name: String) -> Figure? {
    let steps = steps.filter { $0["score"]?.number != nil || $0["own"]?.number != nil }
      .sorted { $0["position"]?.number ?? 0 < $1["position"]?.number ?? 0 }
    guard steps.count > 1 else { return nil }
    let metric = Metric(steps.first?["metric"]?.string ?? "top1")
    var data = DataTable(["position", "candidate", "what", "score", "soup", "own", "accepted", "images"])
    var soup = steps[0]["score"]?.number ?? steps[0]["own"]?.number ?? 0
    let start = soup
    var accepted = 0
    for (index, step) in steps.enumerated() {
      // A search that leaves candidates early knows that they cannot win, not what they would have come to.
      let score = step["score"]?.number
      let isIn = step["accepted"]?.bool ?? (index == 0)
      if isIn { (soup, accepted) = (score ?? soup, accepted + 1) }
      data.add([
        step["position"] ?? .number(Double(index + 1)), step["candidate"] ?? "?",
        .string(isIn ? kept : score == nil ? left : notKept), score.map(metric.value) ?? .null, metric.value(soup),
        step["own"]?.number.map(metric.value) ?? .null, .bool(isIn), step["images"] ?? .null,
      ])
    }
    let hasLeft = data.rows.contains { $0[2].string == left }
    let x: JSON = [
      "field": "position", "type": "quantitative", "scale": ["nice": false, "padding": 12],
      "axis": ["title": "Candidate, by its own score", "tickMinStep": 1, "format": "d"],
    ]
    let hover = Encoding.tooltip([
      ("candidate", "candidate", nil), ("score", "soup with it", metric.format), ("own", "alone", metric.format),
      ("soup", "soup so far", metric.format), ("images", "left after images", "d"),
    ])
    let domain = JSON.array(([alone, kept, notKept] + (hasLeft ? [left] : [])).map { .string($0) })
    let specification: JSON = [
      "data": ["name": "data"],
      "encoding": ["x": x, "y": Encoding.quantity("score", "Held-out \(metric.title)")],
      "layer": [
        [
          "mark": ["type": "line", "interpolate": "step-after", "color": "@red", "strokeWidth": 2],
          "encoding": ["y": ["field": "soup", "type": "quantitative"]],
        ],
        [
          "transform": [
            ["filter": "isValid(datum.own)"],
            ["calculate": .string("isValid(datum.score) ? '\(alone)' : '\(left)'"), "as": "what"],
          ],
          "mark": ["type": "point", "filled": true, "size": 45, "opacity": 0.9],
          "encoding": [
            "y": ["field": "own", "type": "quantitative"], "color": color(domain), "shape": shape(domain),
            "tooltip": hover,
          ],
        ],
        [
          "transform": [["filter": "isValid(datum.score)"]],
          "mark": ["type": "point", "filled": true, "size": 110, "opacity": 1],
          "encoding": ["color": color(domain), "shape": shape(domain), "tooltip": hover],
        ],
      ],
    ]
    return Figure(
      id: "greedy-path-" + Identifier.make(name), title: "Greedy path",
      caption:
        "Candidates in the order of their own held-out \(metric.noun), the best first. A mark is the uniform soup of "
        + "those kept so far and the candidate, the line the soup as it grows: \(accepted) of \(steps.count) were kept. "
        + (hasLeft
          ? "Candidates that could not win any more were left before the last image; shown is their own score. " : "")
        + "The search chose by these images, so the line cannot fall below its start\(metric.isLoss ? " (rise above it, for a loss)" : "").",
      alternative: "Greedy search over \(steps.count) candidates: \(accepted) kept, held-out \(metric.noun) from "
        + "\(metric.text(start)) to \(metric.text(soup)).",
      aspect: 2.6, specification: specification, tables: ["data": data])
  }

  private static let alone = "Candidate alone"
  private static let kept = "Soup with it: kept"
  private static let notKept = "Soup with it: not kept"
  private static let left = "Left early: could not win"
  private static let cross =
    "M-0.7,-0.9L0,-0.2L0.7,-0.9L0.9,-0.7L0.2,0L0.9,0.7L0.7,0.9L0,0.2L-0.7,0.9L-0.9,0.7L-0.2,0L-0.9,-0.7Z"

  private static func color(_ domain: JSON) -> JSON {
    [
      "field": "what", "type": "nominal", "scale": ["domain": domain, "range": ["@faint", "@red", "@ink", "@faint"]],
      "legend": ["title": nil],
    ]
  }

  private static func shape(_ domain: JSON) -> JSON {
    [
      "field": "what", "type": "nominal", "legend": ["title": nil],
      "scale": [
        "domain": domain,
        "range": ["circle", .string(ModelKind.star), .string(cross), .string(cross)],
      ],
    ]
  }
}

/// The greedy search, candidate by candidate: the candidate's own score, the soup with it, and whether it stayed.
/// - Source: Wortsman et al., 2022, arXiv:2203.05482, recipe 1.
public struct GreedyPath {
  /// - Parameter steps: `greedy` records of one search.
  public static func figure(_ steps: [JSON], name: String) -> Figure? {
    let steps = steps.filter { $0["score"]?.number != nil }
      .sorted { $0["position"]?.number ?? 0 < $1["position"]?.number ?? 0 }
    guard steps.count > 1 else { return nil }
    let metric = Metric(steps.first?["metric"]?.string ?? "top1")
    var data = DataTable(["position", "candidate", "what", "score", "soup", "own", "accepted"])
    var soup = 0.0
    var accepted = 0
    for (index, step) in steps.enumerated() {
      let score = step["score"]?.number ?? 0
      let isIn = step["accepted"]?.bool ?? (index == 0)
      if isIn { (soup, accepted) = (score, accepted + 1) }
      data.add([
        step["position"] ?? .number(Double(index + 1)), step["candidate"] ?? "?",
        .string(isIn ? "Soup with it: kept" : "Soup with it: not kept"), metric.value(score), metric.value(soup),
        step["own"]?.number.map(metric.value) ?? .null, .bool(isIn),
      ])
    }
    let x: JSON = [
      "field": "position", "type": "quantitative", "scale": ["nice": false, "padding": 12],
      "axis": ["title": "Candidate, by its own score", "tickMinStep": 1, "format": "d"],
    ]
    let hover = Encoding.tooltip([
      ("candidate", "candidate", nil), ("score", "soup with it", metric.format), ("own", "alone", metric.format),
      ("soup", "soup so far", metric.format),
    ])
    let domain: JSON = ["Candidate alone", "Soup with it: kept", "Soup with it: not kept"]
    let specification: JSON = [
      "data": ["name": "data"],
      "encoding": ["x": x, "y": Encoding.quantity("score", "Held-out \(metric.title)")],
      "layer": [
        [
          "mark": ["type": "line", "interpolate": "step-after", "color": "@red", "strokeWidth": 2],
          "encoding": ["y": ["field": "soup", "type": "quantitative"]],
        ],
        [
          "transform": [["filter": "isValid(datum.own)"], ["calculate": "'Candidate alone'", "as": "what"]],
          "mark": ["type": "point", "filled": true, "size": 45, "opacity": 0.9],
          "encoding": [
            "y": ["field": "own", "type": "quantitative"], "color": color(domain), "shape": shape(domain),
            "tooltip": hover,
          ],
        ],
        [
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
        + "The search chose by these images, so the line cannot fall below its start\(metric.isLoss ? " (rise above it, for a loss)" : "").",
      alternative: "Greedy search over \(steps.count) candidates: \(accepted) kept, held-out \(metric.noun) from "
        + "\(metric.text(steps.first?["score"]?.number ?? 0)) to \(metric.text(soup)).",
      aspect: 2.1, specification: specification, tables: ["data": data])
  }

  private static func color(_ domain: JSON) -> JSON {
    [
      "field": "what", "type": "nominal", "scale": ["domain": domain, "range": ["@faint", "@red", "@ink"]],
      "legend": ["title": nil],
    ]
  }

  private static func shape(_ domain: JSON) -> JSON {
    [
      "field": "what", "type": "nominal", "legend": ["title": nil],
      "scale": [
        "domain": domain,
        "range": [
          "circle", .string(ModelKind.star),
          "M-0.7,-0.9L0,-0.2L0.7,-0.9L0.9,-0.7L0.2,0L0.9,0.7L0.7,0.9L0,0.2L-0.7,0.9L-0.9,0.7L-0.2,0L-0.9,-0.7Z",
        ],
      ],
    ]
  }
}

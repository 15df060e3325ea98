import SoupAnalysis

/// A page of how alike models are: a clustered heat map of every measure in a table of similarities.
public enum SimilarityReport {
  /// Reads `key_a`, `key_b` and measures, as `soup compare --csv` writes them; both orders of a pair count as one.
  /// - Throws: `ReportError` with every problem and its line; pairs that are missing are one.
  public static func read(_ path: String) throws(ReportError) -> PairSimilarities {
    let file = try CSVRows(path, required: ["key_a", "key_b"])
    let measures = file.columns.filter { $0 != "key_a" && $0 != "key_b" }
    var problems: [String] = []
    var (names, places): ([String], [String: Int]) = ([], [:])
    for row in file.rows {
      for name in [file.text("key_a", row), file.text("key_b", row)] where places[name] == nil {
        if name.isEmpty { problems.append("line \(row.line): a model has no name") }
        places[name] = names.count
        names.append(name)
      }
    }
    var table = PairSimilarities(models: names)
    var values = [[Double?]](repeating: [Double?](repeating: nil, count: table.pairCount), count: measures.count)
    var seen = [Bool](repeating: false, count: table.pairCount)
    for row in file.rows {
      let (a, b) = (places[file.text("key_a", row)]!, places[file.text("key_b", row)]!)
      guard a != b else { continue }
      let place = table.place(a, b)
      if seen[place] { problems.append("line \(row.line): \(names[a]) and \(names[b]) are there twice") }
      seen[place] = true
      for (index, measure) in measures.enumerated() {
        values[index][place] = file.number(measure, row, &problems)
      }
    }
    let missing = zip(table.pairs, seen).filter { !$0.1 }.map { "\(names[$0.0.a]) and \(names[$0.0.b])" }
    if !missing.isEmpty {
      problems.append(
        "\(missing.count) pairs have no row: " + missing.prefix(10).joined(separator: "; ")
          + (missing.count > 10 ? "; …" : ""))
    }
    guard problems.isEmpty else { throw ReportError(.format, path: path, problems) }
    guard table.pairCount > 0, !measures.isEmpty else {
      throw ReportError(.empty, path: path, ["has no pair of models with a measure"])
    }
    for (measure, column) in zip(measures, values) { table.add(measure, values: column) }
    return table
  }

  public static func report(_ table: PairSimilarities, source: String) -> Report {
    let order = order(table)
    var report = Report(
      title: "How alike are these models?",
      subtitle: "\(table.models.count) models, \(table.pairCount) pairs",
      lead:
        "Models in the order of average-linkage clusters by \(name(clustering(table))), so that those that are alike stand together.",
      findings: findings(table))
    let (logits, weights) = (
      table.measures.filter { !PredictorFile.isOfWeights($0) }, table.measures.filter(PredictorFile.isOfWeights)
    )
    for (id, title, measures) in [("outputs", "What they say", logits), ("weights", "What they are made of", weights)]
    where !measures.isEmpty {
      report.sections.append(
        ReportSection(id: id, title: title, tables: [], figures: measures.compactMap { figure(table, $0, order) }))
    }
    report.provenance = [("Table", source)]
    return report
  }

  /// By what says most about function.
  private static func clustering(_ table: PairSimilarities) -> String {
    ["kl_logits", "l2_distance"].first { table[$0] != nil } ?? table.measures[0]
  }

  private static func order(_ table: PairSimilarities) -> [Int] {
    let measure = clustering(table)
    let grows = PairSimilarities.growsWithLikeness(measure)
    let values = table.matrix(measure, diagonal: 0)!.map { grows ? 1 - $0 : $0 }
    let most = values.filter(\.isFinite).max() ?? 0
    return (try? AverageLinkage(values.map { $0.isFinite ? $0 : 2 * abs(most) + 1 }, count: table.models.count))?.order
      ?? Array(table.models.indices)
  }

  private static func findings(_ table: PairSimilarities) -> [Finding] {
    let pairs = table.pairs
    return table.columns.compactMap { column in
      let known = column.values.indices.filter { column.values[$0] != nil }
      guard let low = known.min(by: { column.values[$0]! < column.values[$1]! }),
        let high = known.max(by: { column.values[$0]! < column.values[$1]! })
      else { return nil }
      let grows = PairSimilarities.growsWithLikeness(column.measure)
      let (near, far) = grows ? (high, low) : (low, high)
      func pair(_ place: Int) -> String {
        "\(table.models[pairs[place].a]) and \(table.models[pairs[place].b]) (\(text(column.values[place]!)))"
      }
      return Finding(
        name: "", text: "By \(name(column.measure)), \(pair(near)) are the most alike, \(pair(far)) the least.")
    }
  }

  private static func text(_ value: Double) -> String {
    let magnitude = abs(value)
    return Text.fixed(value, magnitude >= 100 ? 0 : magnitude >= 1 ? 2 : magnitude >= 0.01 ? 4 : 6)
  }

  static func name(_ measure: String) -> String {
    [
      "l2_distance": "L2 distance", "relative_l2": "relative L2 distance", "cosine_similarity": "cosine of weights",
      "angle": "angle of weights (degrees)", "task_cosine": "cosine of task vectors",
      "task_angle": "angle of task vectors (degrees)", "sign_agreement": "equal signs of task vectors",
      "kl_logits": "symmetric KL of predictions (nats)", "js_logits": "Jensen-Shannon divergence (nats)",
      "mse_logits": "squared distance of logits", "disagreement": "share of images they disagree on",
      "cka_logits": "CKA of logits", "cka_features": "CKA of features",
    ][measure] ?? measure
  }

  private static let definitions = [
    "l2_distance": "Euclidean distance of all compared weights.",
    "relative_l2": "Distance over the mean norm of the two.",
    "cosine_similarity": "Cosine of the two vectors of all compared weights.",
    "angle": "Angle between the two vectors of all compared weights.",
    "task_cosine": "Cosine of what fine-tuning did: each model minus the base.",
    "task_angle": "Angle of what fine-tuning did: each model minus the base.",
    "sign_agreement": "Of weights that both fine-tunings moved, the share moved in one direction.",
    "kl_logits": "Mean over images of half the sum of both Kullback-Leibler divergences.",
    "js_logits": "Mean over images; at most log 2.",
    "mse_logits": "Mean over images of the sum over classes.",
    "disagreement": "Images for which the most likely class differs.",
    "cka_logits": "Linear centred kernel alignment, 1 where one is the other rotated and scaled.",
    "cka_features": "Linear centred kernel alignment of what the classifier sees.",
  ]

  private static func figure(_ table: PairSimilarities, _ measure: String, _ order: [Int]) -> Figure? {
    let grows = PairSimilarities.growsWithLikeness(measure)
    guard let matrix = table.matrix(measure, diagonal: grows ? 1 : 0) else { return nil }
    let n = table.models.count
    var data = DataTable(["a", "b", "value"])
    for a in order {
      for b in order where matrix[a * n + b].isFinite && a != b {
        data.add([.string(table.models[a]), .string(table.models[b]), .number(matrix[a * n + b])])
      }
    }
    guard let low = data.rows.compactMap({ $0[2].number }).min(),
      let high = data.rows.compactMap({ $0[2].number }).max()
    else { return nil }
    let sort = JSON.array(order.map { .string(table.models[$0]) })
    func axis(_ field: String, _ orient: String) -> JSON {
      [
        "field": .string(field), "type": "nominal", "sort": sort,
        "axis": [
          "title": nil, "grid": false, "domain": false, "ticks": false, "labels": .bool(n <= 40), "labelLimit": 110,
          "orient": .string(orient),
        ],
      ]
    }
    return Figure(
      id: "alike-" + Identifier.make(measure), title: name(measure).prefix(1).uppercased() + name(measure).dropFirst(),
      caption: definitions[measure] ?? "\(measure).",
      alternative: "Heat map of \(name(measure)) of every two of \(n) models, from \(text(low)) to \(text(high)).",
      layout: .square, aspect: 1,
      specification: [
        "data": ["name": "data"], "mark": ["type": "rect"],
        "encoding": [
          "x": axis("a", "bottom"), "y": axis("b", "left"),
          "color": [
            "field": "value", "type": "quantitative",
            "scale": ["range": "heatmap", "zero": false, "nice": false, "reverse": .bool(!grows)],
            "legend": ["title": nil, "tickCount": 4, "gradientLength": 120],
          ],
          "tooltip": Encoding.tooltip([("a", "model", nil), ("b", "and", nil), ("value", name(measure), ".5~g")]),
        ],
      ], tables: ["data": data])
  }
}

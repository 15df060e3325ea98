import SoupAnalysis
import SoupMixing

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension Comparison {
  /// Prints and writes everything that the options ask for.
  public func report(_ options: CompareOptions, _ console: Console) throws {
    let measure = options.sort ?? similarities.measures[0]
    guard similarities.measures.contains(measure) else {
      throw PathFailure(problems: [
        "--sort \(measure): is none of the measures, which are \(similarities.measures.joined(separator: ", "))"
      ])
    }
    let advice = try SoupAdvice(similarities, predictor: options.predictor)
    let clusters = try clusters()
    if let path = options.csv { try Self.write(csv, to: path) }
    if console.isJSON {
      try console.emit(Result(comparison: self, advice: advice, clusters: clusters, csv: options.csv))
    } else {
      printTable(options, by: measure, advice, clusters, console)
    }
    if let path = options.html { try writePage(path, console) }
    if !console.isJSON {
      for path in [options.csv, options.html].compactMap(\.self) { console.note("Wrote \(path)") }
    }
  }

  private func printTable(
    _ options: CompareOptions, by measure: String, _ advice: SoupAdvice, _ clusters: AverageLinkage, _ console: Console
  ) {
    let grows = PairSimilarities.growsWithLikeness(measure)
    let keys = similarities[measure]!.map { value in value.map { grows ? -$0 : $0 } ?? .infinity }
    let places = keys.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }
    let pairs = similarities.pairs
    if options.top > 0 {
      var table = Table(
        [.init("a"), .init("b")] + similarities.measures.map { .init(Self.title($0), .right) } + [.init("soup?")])
      for place in places.prefix(options.top) {
        table.add(
          [similarities.models[pairs[place].a], similarities.models[pairs[place].b]]
            + similarities.columns.map { Self.text($0.values[place], $0.measure) } + [advice.text(place)])
      }
      console.print(table)
      console.print()
    }
    let hidden = places.count - min(options.top, places.count)
    console.print(
      "\(Format.count(places.count)) pairs of \(Format.count(paths.count)) models by \(Format.count(weights.elements)) weights of "
        + "\(Format.count(weights.tensors.count)) tensors"
        + (hidden > 0 && options.top > 0 ? "; \(Format.count(hidden)) less alike are not shown." : "."))
    let verdicts = advice.answers.compactMap { $0?.verdict }
    let counts = ["likely", "maybe", "no"].map { word in "\(Format.count(verdicts.count { $0 == word })) \(word)" }
    console.print("Soup? \(counts.joined(separator: ", ")).")
    if paths.count > 2 {
      console.print(
        "Alike side by side: " + clusters.order.map { similarities.models[$0] }.joined(separator: ", ") + ".")
    }
    for line in advice.explanation { console.note(line) }
  }

  private static func title(_ measure: String) -> String {
    [
      "l2_distance": "L2", "relative_l2": "relative", "cosine_similarity": "cosine", "angle": "angle °",
      "task_cosine": "task cos", "task_angle": "task °", "sign_agreement": "same sign", "kl_logits": "KL",
      "js_logits": "JS", "mse_logits": "MSE", "disagreement": "disagree", "cka_logits": "CKA logits",
      "cka_features": "CKA features",
    ][measure] ?? measure
  }

  private static func text(_ value: Double?, _ measure: String) -> String {
    guard let value else { return "–" }
    if measure == "sign_agreement" || measure == "disagreement" { return Format.percent(value) + " %" }
    return PairSimilarities.growsWithLikeness(measure) ? Format.fixed(value, 6) : Format.significant(value, 5)
  }

  /// Clusters by what says most about function: KL, else L2.
  private func clusters() throws -> AverageLinkage {
    let measure = similarities["kl_logits"] != nil ? "kl_logits" : "l2_distance"
    let distances = similarities.matrix(measure, diagonal: 0)!
    // A broken model is far from all.
    let most = distances.filter(\.isFinite).max() ?? 0
    return try AverageLinkage(distances.map { $0.isFinite ? $0 : 2 * most + 1 }, count: paths.count)
  }

  /// Long form: `key_a,key_b,l2_distance,…`; empty where a measure is not defined.
  var csv: String {
    func quoted(_ text: String) -> String {
      text.contains { ",\"\n\r".contains($0) } ? "\"" + text.replacing("\"", with: "\"\"") + "\"" : text
    }
    let names = similarities.models.map(quoted)
    var text = (["key_a", "key_b"] + similarities.measures).joined(separator: ",") + "\n"
    for (place, pair) in similarities.pairs.enumerated() {
      text += names[pair.a] + "," + names[pair.b]
      for column in similarities.columns { text += "," + (column.values[place].map { "\($0)" } ?? "") }
      text += "\n"
    }
    return text
  }

  static func write(_ text: String, to path: String) throws {
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw PathFailure(problems: ["\(path): cannot be written"])
    }
  }

  /// Has `soup-study` make the page.
  private func writePage(_ path: String, _ console: Console) throws {
    let table = path + ".\(ProcessInfo.processInfo.processIdentifier).csv"
    try Self.write(csv, to: table)
    defer { try? FileManager.default.removeItem(atPath: table) }
    try SiblingProgram.study.run(["analyze", "similarities", table, "-o", path, "--no-figures", "--quiet"])
  }

  /// The form of `--json`.
  private struct Result: Encodable {
    let comparison: Comparison
    let advice: SoupAdvice
    let clusters: AverageLinkage
    let csv: String?

    struct Name: CodingKey {
      let stringValue: String
      init(stringValue: String) { self.stringValue = stringValue }
      var intValue: Int? { nil }
      init?(intValue: Int) { nil }
    }

    struct Pair: Encodable {
      let names: (String, String)
      let values: [String: Double]
      let advice: SoupAdvice.Answer?

      func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Name.self)
        try container.encode(names.0, forKey: Name(stringValue: "a"))
        try container.encode(names.1, forKey: Name(stringValue: "b"))
        for (measure, value) in values { try container.encode(value, forKey: Name(stringValue: measure)) }
        try container.encodeIfPresent(advice, forKey: Name(stringValue: "soup"))
      }
    }

    struct Model: Encodable {
      let name: String
      let path: String
      let norm: Double
      let nonFinite: Int

      enum CodingKeys: String, CodingKey {
        case name, path, norm
        case nonFinite = "non_finite"
      }
    }

    enum CodingKeys: String, CodingKey {
      case models, measures, pairs, order, tensors, elements, excluded, uncommon, skipped, bytes, advice, csv
    }

    func encode(to encoder: any Encoder) throws {
      let (found, weights) = (comparison.similarities, comparison.weights)
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(
        comparison.paths.enumerated().map {
          Model(name: found.models[$0], path: $1, norm: weights.norm($0), nonFinite: weights.notFinite[$0])
        }, forKey: .models)
      try container.encode(found.measures, forKey: .measures)
      try container.encode(
        found.pairs.enumerated().map {
          Pair(
            names: (found.models[$1.a], found.models[$1.b]), values: found.values(ofPair: $0),
            advice: advice.answers[$0])
        }, forKey: .pairs)
      try container.encode(clusters.order.map { found.models[$0] }, forKey: .order)
      try container.encode(weights.tensors.count, forKey: .tensors)
      try container.encode(weights.elements, forKey: .elements)
      try container.encode(weights.excluded, forKey: .excluded)
      try container.encode(weights.uncommon, forKey: .uncommon)
      try container.encode(weights.skipped, forKey: .skipped)
      try container.encode(weights.bytes, forKey: .bytes)
      try container.encode(advice.explanation, forKey: .advice)
      try container.encodeIfPresent(csv, forKey: .csv)
    }
  }
}

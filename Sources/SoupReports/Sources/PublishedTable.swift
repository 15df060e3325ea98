/// The result tables of the paper's repository: one model a line, `model_name` and a fraction for every set of images.
///
/// ```
/// {"model_name": "model_1", "ImageNet2p": 0.798, "ImageNet": 0.77266, "ImageNetV2": 0.6579, …}
/// ```
/// `ImageNet2p` is the held-out part (2 % of the training images), `ImageNet` the test set; every other set is a
/// distribution shift. Names that contain `soup` or `ensemble` are mixtures; `model_0` is the initialisation.
/// - Source: mlfoundations/model-soups, `individual_model_results.jsonl` and its siblings.
public enum PublishedTable {
  /// The sets in the paper's order. The numbers of images are those at which every published accuracy is a whole number
  /// of right answers.
  static let sets: [(name: String, title: String, count: Int)] = [
    ("ImageNet2p", "held-out", 26_000), ("ImageNet", "ImageNet", 50_000), ("ImageNetV2", "V2", 10_000),
    ("ImageNetSketch", "Sketch", 50_889), ("ImageNetR", "R", 30_000), ("ObjectNet", "ObjectNet", 18_574),
    ("ImageNetA", "A", 7_500),
  ]
  static let heldOut = "ImageNet2p"
  static let test = "ImageNet"

  /// Reads result files, and the hyperparameters of models from a JSON object by model name (`hparam_info.json`).
  /// - Throws: `ReportError` listing every line without a name, without scores, with a score outside 0…1, or whose
  ///   name was there before.
  public static func read(_ paths: [String], hyperparameters: String? = nil) throws(ReportError) -> ResultTable {
    var models: [EvaluatedModel] = []
    var found: Set<String> = []
    for path in paths {
      var problems: [String] = []
      for (index, line) in try JSONLines.read(path).enumerated() {
        let place = "object \(index + 1)"
        guard let name = line["model_name"]?.string else {
          problems.append("\(place) has no \"model_name\"")
          continue
        }
        if models.contains(where: { $0.name == name }) { problems.append("\(place): '\(name)' was there before") }
        let scores = scores(line, "\(place) (\(name))", &problems)
        found.formUnion(scores.keys)
        models.append(EvaluatedModel(name: name, kind: kind(name), scores: scores))
      }
      guard problems.isEmpty else { throw ReportError(.format, path: path, problems) }
    }
    guard !models.isEmpty else {
      throw ReportError(.empty, path: paths.first, ["holds no model"], advice: "expected lines with \"model_name\"")
    }
    let singles = models.count { $0.kind == .base || $0.kind == .ingredient }
    for index in models.indices where models[index].kind == .mixture("uniform") {
      models[index].passes = 1
      models[index].members = models.filter { $0.kind == .base || $0.kind == .ingredient }.map(\.name)
    }
    for index in models.indices where models[index].kind == .mixture("ensemble") { models[index].passes = singles }
    if let hyperparameters { try add(hyperparameters, to: &models) }
    let known = sets.map(\.name)
    let shifts = known.filter { $0 != heldOut && $0 != test && found.contains($0) } + found.subtracting(known).sorted()
    return ResultTable(
      models: models, heldOut: found.contains(heldOut) ? heldOut : nil, test: found.contains(test) ? test : nil,
      shifts: shifts, titles: Dictionary(sets.map { ($0.name, $0.title) }) { first, _ in first })
  }

  private static func scores(_ line: JSON, _ place: String, _ problems: inout [String]) -> [String: Measurement] {
    var scores: [String: Measurement] = [:]
    for (set, value) in line.object ?? [:] {
      guard let accuracy = value.number else { continue }
      guard (0...1).contains(accuracy) else {
        problems.append("\(place): \(set) is \(accuracy), expected a fraction in 0…1")
        continue
      }
      scores[set] = Measurement(accuracy: accuracy, count: sets.first { $0.name == set }?.count)
    }
    if scores.isEmpty { problems.append("\(place) has no scores") }
    return scores
  }

  private static func kind(_ name: String) -> ModelKind {
    let lower = name.lowercased()
    if lower == "model_0" { return .base }
    if lower.contains("ensemble") { return .mixture(lower.replacing("_", with: " ")) }
    if lower.contains("soup") {
      return .mixture(lower.replacing("_", with: " ").replacing(" soup", with: ""))
    }
    return .ingredient
  }

  private static func add(_ path: String, to models: inout [EvaluatedModel]) throws(ReportError) {
    let text = try JSONLines.text(path)
    guard let all = (try? JSON(parsing: text))?.object else {
      throw ReportError(.format, path: path, ["is no JSON object"], advice: "expected {\"model_1\": {\"lr\": …}, …}")
    }
    for index in models.indices {
      guard let values = all[models[index].name]?.object else { continue }
      for (name, value) in values where name != "info" {
        switch (name, value) {
        case ("aug", .null): models[index].hyperparameters["RandAugment magnitude"] = 0
        case ("aug", .string(let text)):
          // `rand-m12-n1`: magnitude and number of operations.
          let parts = text.split(separator: "-")
          let magnitude = parts.first { $0.hasPrefix("m") }.flatMap { Double($0.dropFirst()) }
          models[index].hyperparameters["RandAugment magnitude"] = magnitude.map { .number($0) } ?? .string(text)
        default: models[index].hyperparameters[Self.names[name] ?? name] = value
        }
      }
    }
  }

  private static let names = [
    "lr": "learning rate", "wd": "weight decay", "mix": "mixup", "smoothing": "label smoothing",
  ]
}

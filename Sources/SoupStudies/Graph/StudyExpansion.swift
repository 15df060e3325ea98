import Foundation
import SoupTensors

/// Turns a study's file into its graph. The same file gives the same graph; no file but those under `ingredients.files`
/// is looked at.
///
/// Each hyperparameter of each ingredient has a random stream of its own, `(seed, name of the option, number of the
/// ingredient)`: more ingredients, or a further hyperparameter, leave everything drawn before as it was.
struct StudyExpansion {
  var graph = StudyGraph()
  var problems: [String] = []
  /// Names that stand for several models.
  var groups: [String: [String]] = [:]
  let file: StudyFile

  init(_ file: StudyFile) { self.file = file }

  mutating func expand() throws(StudyError) -> StudyGraph {
    base()
    for stage in file.stages { self.stage(stage) }
    branches()
    let drawn = file.stages.isEmpty && file.branches == nil ? ingredients() : []
    for set in file.sets where set.isSelection && !set.isShift { score(drawn, on: set) }
    for soup in file.soups { self.soups(soup) }
    for set in file.sets { score(scored(on: set), on: set) }
    for ensemble in file.ensembles { self.ensemble(ensemble) }
    for pairs in file.pairs { self.pairs(pairs) }
    checkContrasts()
    for step in file.steps { self.step(step) }
    guard problems.isEmpty else {
      throw StudyError(
        .invalidFile, nil,
        problems.count == 1
          ? problems[0] : "\(problems.count) problems:\n  " + problems.joined(separator: "\n  "))
    }
    return graph
  }

  // MARK: Models

  private mutating func base() {
    switch file.base {
    case nil: break
    case .checkpoint(let path):
      graph.add(StudyModel("base", .base, source: .file(path)))
      graph.change("base") { $0.classifies = !file.stages.contains { $0.command == .probe } }
    case .training(let settings):
      let options = (file.options["train"] ?? Settings()).merging(settings)
      let values = options.items.map { ($0.name, Self.fixedValue($0.setting)) }
      train("base", from: nil, values: seeded(values, file.seed), role: .base, further: trunk)
      // Without a classifier until a stage gives it one.
      let isSupervised = [nil, .fixed("supervised")].contains(options["objective"])
      graph.change("base") { $0.classifies = isSupervised && !file.stages.contains { $0.command == .probe } }
    }
  }

  /// Names of the ingredients.
  private mutating func ingredients() -> [String] {
    guard let ingredients = file.ingredients else { return [] }
    var names = ingredients.includesBase ? ["base"] : []
    let common = (file.options["train"] ?? Settings()).merging(ingredients.settings)
    if ingredients.search == .files {
      for (name, path) in checkpoints(ingredients.files) {
        graph.add(StudyModel(name, .ingredient, source: .file(path)))
        names.append(name)
      }
    } else {
      for (offset, values) in points(ingredients, common).enumerated() { names.append(ingredient(offset + 1, values)) }
    }
    return names
  }

  /// The settings of each model that a search asks for.
  /// - Parameter stream: tells the draws of one stage from those of another.
  func points(
    _ search: StudyFile.Ingredients, _ common: Settings, stream: String? = nil
  ) -> [[(String, Setting.Value)]] {
    guard search.search == .grid else {
      return (1...search.count).map { index in
        common.items.map { item in
          var generator = CounterGenerator(seed: file.seed).derived("study")
          if let stream { generator = generator.derived(stream) }
          generator = generator.derived(item.name).derived(UInt64(index))
          return (item.name, item.setting.draw(&generator))
        }
      }
    }
    var points: [[(String, Setting.Value)]] = [[]]
    for item in common.items {
      points = points.flatMap { point in (item.setting.grid ?? []).map { point + [(item.name, $0)] } }
    }
    return points.flatMap { Array(repeating: $0, count: search.repeats) }
  }

  private mutating func ingredient(_ index: Int, _ values: [(String, Setting.Value)]) -> String {
    let name = "ingredient-" + Self.digits(index)
    train(
      name, from: graph.model("base"), values: seeded(values, 1000 &* file.seed &+ UInt64(index)), role: .ingredient)
    return name
  }

  static func digits(_ index: Int) -> String { (index < 10 ? "0" : "") + String(index) }

  mutating func group(_ model: String, in name: String) { groups[name, default: []].append(model) }

  func seeded(_ values: [(String, Setting.Value)], _ seed: UInt64) -> [(String, Setting.Value)] {
    values.contains { $0.0 == "seed" } ? values : values + [("seed", .text(String(seed)))]
  }

  /// - Parameters:
  ///   - further: words that are no hyperparameters.
  ///   - described: hyperparameters to tell, where they are not the options.
  mutating func train(
    _ name: String, from base: StudyModel?, values: [(String, Setting.Value)], role: StudyModel.Role,
    further: [RunSpecification.Word] = [], described: [(String, Setting.Value)]? = nil
  ) {
    var (data, readings) = (data(), readings)
    // Other images than the study's.
    if case .text(let own)? = values.first(where: { $0.0 == "data" })?.1 {
      data = []
      readings += Self.folder(own).map { [$0] } ?? []
    }
    var words: [RunSpecification.Word] = [.text("train")] + data
    if let word = base?.word { words += [.text("--from"), word] }
    words += further
    for (option, value) in values { words += Self.words(option, value) }
    words += [.text("-o"), .output(RunSpecification.checkpoint), .text("--json")]
    graph.add(
      RunSpecification(
        name: name, kind: .train, words: words, outputs: [RunSpecification.checkpoint], readings: readings))
    var model = StudyModel(name, role, source: .run(name), hyperparameters: Self.told(described ?? values))
    model.parent = base?.name
    graph.add(model)
  }

  static func told(_ values: [(String, Setting.Value)]) -> [StudyModel.Hyperparameter] {
    values.compactMap { option, value in
      switch value {
      case .text(let text): .init(name: option, value: text)
      case .flag(let isSet): .init(name: option, value: isSet ? "true" : "false")
      case .absent: nil
      }
    }
  }

  private func checkpoints(_ patterns: [String]) -> [(name: String, path: String)] {
    var paths: [String] = []
    for pattern in patterns {
      var found = glob_t()
      defer { globfree(&found) }
      if glob(pattern, 0, nil, &found) == 0, let list = found.gl_pathv {
        paths += (0..<Int(found.gl_pathc)).compactMap { list[$0].map { String(cString: $0) } }
      } else {
        paths.append(pattern)
      }
    }
    let stems = paths.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent }
    let areNames = Set(stems).count == stems.count && stems.allSatisfy(StudyReader.isName) && !stems.contains("base")
    return paths.enumerated().map { index, path in
      (areNames ? stems[index] : "ingredient-" + (index < 9 ? "0" : "") + String(index + 1), path)
    }
  }
}

extension StudyFile {
  /// The graph of runs.
  /// - Throws: `StudyError` with code `invalid-file`, naming every model that is asked for and not there.
  public func graph() throws(StudyError) -> StudyGraph {
    var expansion = StudyExpansion(self)
    return try expansion.expand()
  }
}

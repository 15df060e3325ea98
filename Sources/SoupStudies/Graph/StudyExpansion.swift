import Foundation
import SoupTensors

/// Turns a study's file into its graph. The same file gives the same graph; no file but those under `ingredients.files`
/// is looked at.
///
/// Each hyperparameter of each ingredient has a random stream of its own, `(seed, name of the option, number of the
/// ingredient)`: more ingredients, or a further hyperparameter, leave everything drawn before as it was.
struct StudyExpansion {
  private let file: StudyFile
  private(set) var graph = StudyGraph()
  private var problems: [String] = []

  init(_ file: StudyFile) { self.file = file }

  mutating func expand() throws(StudyError) -> StudyGraph {
    base()
    let drawn = ingredients()
    for set in file.sets where set.isSelection && !set.isShift { score(drawn, on: set) }
    for soup in file.soups { self.soup(soup) }
    for set in file.sets { score(graph.models.map(\.name), on: set) }
    for ensemble in file.ensembles { self.ensemble(ensemble) }
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
    case .checkpoint(let path): graph.add(StudyModel("base", .base, source: .file(path)))
    case .training(let settings):
      let options = (file.options["train"] ?? Settings()).merging(settings)
      let values = options.items.map { ($0.name, Self.fixedValue($0.setting)) }
      train("base", from: nil, values: seeded(values, file.seed), role: .base)
    }
  }

  /// Names of the ingredients.
  private mutating func ingredients() -> [String] {
    guard let ingredients = file.ingredients else { return [] }
    var names = ingredients.includesBase ? ["base"] : []
    let common = (file.options["train"] ?? Settings()).merging(ingredients.settings)
    switch ingredients.search {
    case .files:
      for (name, path) in checkpoints(ingredients.files) {
        graph.add(StudyModel(name, .ingredient, source: .file(path)))
        names.append(name)
      }
    case .random:
      for index in 1...ingredients.count {
        let values = common.items.map { item in
          var generator = CounterGenerator(seed: file.seed).derived("study").derived(item.name).derived(UInt64(index))
          return (item.name, item.setting.draw(&generator))
        }
        names.append(ingredient(index, values))
      }
    case .grid:
      var points: [[(String, Setting.Value)]] = [[]]
      for item in common.items {
        points = points.flatMap { point in (item.setting.grid ?? []).map { point + [(item.name, $0)] } }
      }
      for (position, point) in points.enumerated() {
        for repetition in 0..<ingredients.repeats {
          names.append(ingredient(position * ingredients.repeats + repetition + 1, point))
        }
      }
    }
    return names
  }

  private mutating func ingredient(_ index: Int, _ values: [(String, Setting.Value)]) -> String {
    let name = "ingredient-" + (index < 10 ? "0" : "") + String(index)
    train(
      name, from: graph.model("base"), values: seeded(values, 1000 &* file.seed &+ UInt64(index)), role: .ingredient)
    return name
  }

  private func seeded(_ values: [(String, Setting.Value)], _ seed: UInt64) -> [(String, Setting.Value)] {
    values.contains { $0.0 == "seed" } ? values : values + [("seed", .text(String(seed)))]
  }

  private mutating func train(
    _ name: String, from base: StudyModel?, values: [(String, Setting.Value)], role: StudyModel.Role
  ) {
    var words: [RunSpecification.Word] = [.text("train")] + data()
    if let word = base?.word { words += [.text("--from"), word] }
    for (option, value) in values { words += Self.words(option, value) }
    words += [.text("-o"), .output(RunSpecification.checkpoint), .text("--json")]
    graph.add(
      RunSpecification(
        name: name, kind: .train, words: words, outputs: [RunSpecification.checkpoint], readings: readings))
    let hyperparameters = values.compactMap { option, value -> StudyModel.Hyperparameter? in
      switch value {
      case .text(let text): .init(name: option, value: text)
      case .flag(let isSet): .init(name: option, value: isSet ? "true" : "false")
      case .absent: nil
      }
    }
    graph.add(StudyModel(name, role, source: .run(name), hyperparameters: hyperparameters))
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

  // MARK: Soups

  private mutating func soup(_ soup: StudyFile.Soup) {
    let members = models(soup.of, of: "soups.\(soup.name)")
    let sources = members.compactMap(\.word)
    var run = RunSpecification(name: soup.name, kind: .season, words: [], outputs: [RunSpecification.checkpoint])
    var role = StudyModel.Role.soup
    switch soup.method {
    case "best":
      role = .best
      run.kind = .select
      run.takesThreads = false
      let set = file.sets.first { $0.isSelection && !$0.isShift }!
      run.words = [.text("study"), .text("select")]
      for member in members {
        score([member.name], on: set)
        run.words += [
          .text("--score"), .result(of: scoringName(member.name, set.name), file: RunSpecification.printed),
        ]
      }
      run.words += sources
    case "uniform", "mix":
      run.kind = .mix
      run.words = [.text("mix")] + sources
    default:
      run.words = [.text("season"), .text(soup.method)] + sources + data()
      run.readings = readings
    }
    let defaults = file.options[run.kind.rawValue] ?? Settings()
    for item in defaults.merging(soup.options).items { run.words += optionWords(item, "soups.\(soup.name)") }
    run.words += [.text("-o"), .output(RunSpecification.checkpoint), .text("--json")]
    graph.add(run)
    graph.add(
      StudyModel(
        soup.name, role, method: soup.method, source: .run(soup.name), candidates: members.map(\.name)))
  }

  private mutating func ensemble(_ ensemble: StudyFile.Ensemble) {
    let members = models(ensemble.of, of: "ensembles.\(ensemble.name)")
    graph.add(
      StudyModel(
        ensemble.name, .ensemble, method: ensemble.method, source: .none, candidates: members.map(\.name)))
    for set in file.sets {
      var words: [RunSpecification.Word] = [.text("evaluate")] + members.compactMap(\.word)
      words += [.text("--ensemble"), .text(ensemble.method)]
      words += evaluation(set)
      for item in ensemble.options.items { words += optionWords(item, "ensembles.\(ensemble.name)") }
      add(words, scoring: ensemble.name, on: set)
    }
  }

  // MARK: Scores and steps

  private func scoringName(_ model: String, _ set: String) -> String { model + "." + set }

  private mutating func score(_ names: [String], on set: StudyFile.EvaluationSet) {
    for name in names {
      guard let word = graph.model(name)?.word else { continue }
      add([.text("evaluate"), word] + evaluation(set), scoring: name, on: set)
    }
  }

  private mutating func add(_ words: [RunSpecification.Word], scoring model: String, on set: StudyFile.EvaluationSet) {
    let name = scoringName(model, set.name)
    guard graph[name] == nil else { return }
    // What each image came to, so that models can be compared image by image.
    let words = words + [.text("--predictions"), .output(RunSpecification.predictions), .text("--json")]
    graph.add(
      RunSpecification(
        name: name, kind: .evaluate, words: words, outputs: [RunSpecification.predictions],
        readings: readings + Self.folder(set)))
    graph.add(StudyGraph.Scoring(model: model, set: set.name, run: name))
  }

  private mutating func evaluation(_ set: StudyFile.EvaluationSet) -> [RunSpecification.Word] {
    var words: [RunSpecification.Word] = set.options["data"] == nil ? data() : []
    words += [.text("--split"), .text(set.split)]
    if let shift = set.shift { words += [.text("--shift"), .text(shift)] }
    for item in (file.options["evaluate"] ?? Settings()).merging(set.options).items {
      words += optionWords(item, "evaluate.\(set.name)")
    }
    return words
  }

  private mutating func step(_ step: StudyFile.Step) {
    var words: [RunSpecification.Word] = []
    for word in step.command { words += replaced(word, "steps.\(step.name)", outputs: step.outputs) }
    if !step.command.contains("--json") { words.append(.text("--json")) }
    graph.add(
      RunSpecification(
        name: step.name, kind: .step, words: words, outputs: step.outputs, readings: readings,
        takesThreads: step.takesThreads, record: step.record))
  }

  // MARK: Words

  /// `{name}` is a model's checkpoint, `{ingredients}` all of them, `{out:file}` an output, `{data}` the data set.
  private mutating func replaced(_ word: String, _ place: String, outputs: [String]) -> [RunSpecification.Word] {
    guard word.hasPrefix("{"), word.hasSuffix("}") else { return [.text(word)] }
    let name = String(word.dropFirst().dropLast())
    if name == "ingredients" { return models(nil, of: place).compactMap(\.word) }
    if name == "data", let data = file.data { return [.text(data)] }
    if name.hasPrefix("out:") {
      let output = String(name.dropFirst(4))
      if !outputs.contains(output) { problems.append("\(place): '\(output)' is not among its outputs") }
      return [.output(output)]
    }
    return models([name], of: place).compactMap(\.word)
  }

  private mutating func optionWords(_ item: Settings.Item, _ place: String) -> [RunSpecification.Word] {
    if case .fixed(let text?) = item.setting, text.hasPrefix("{") {
      return [.text("--" + item.name)] + replaced(text, "\(place).\(item.name)", outputs: [])
    }
    return Self.words(item.name, Self.fixedValue(item.setting))
  }

  /// Models by name; all ingredients for nil.
  private mutating func models(_ names: [String]?, of place: String) -> [StudyModel] {
    let ingredients = graph.models.filter {
      $0.role == .ingredient || ($0.role == .base && file.ingredients?.includesBase == true)
    }
    guard let names else { return ingredients }
    return names.flatMap { name -> [StudyModel] in
      if name == "ingredients" { return ingredients }
      if let model = graph.model(name), model.role != .ensemble { return [model] }
      let known = graph.models.filter { $0.role != .ensemble && $0.role != .ingredient }.map(\.name)
      problems.append(
        "\(place): there is no model '\(name)' before it; known are \((known + ["ingredients"]).joined(separator: ", "))"
          + (ingredients.first.map { ", \($0.name) to \(ingredients.last!.name)" } ?? ""))
      return []
    }
  }

  private func data() -> [RunSpecification.Word] { file.data.map { [.text("--data"), .text($0)] } ?? [] }

  private var readings: [String] {
    file.inputs + (file.data.flatMap(Self.folder).map { [$0] } ?? [])
  }

  /// The folder in `cifar10:/data/cifar`.
  private static func folder(_ data: String) -> String? {
    data.firstIndex(of: ":").map { String(data[data.index(after: $0)...]) }
  }

  private static func folder(_ set: StudyFile.EvaluationSet) -> [String] {
    if case .fixed(let data?)? = set.options["data"], let folder = folder(data) { [folder] } else { [] }
  }

  private static func fixedValue(_ setting: Setting) -> Setting.Value {
    switch setting {
    case .fixed(let text): text.map(Setting.Value.text) ?? .absent
    case .flag(let isSet): .flag(isSet)
    default: .absent
    }
  }

  /// Options that change how fast a result comes or where it is logged, not what it is.
  private static let details: Set<String> = ["threads", "loader-threads", "save-every", "tensorboard", "log"]

  private static func words(_ option: String, _ value: Setting.Value) -> [RunSpecification.Word] {
    let word: (String) -> RunSpecification.Word = { details.contains(option) ? .detail($0) : .text($0) }
    switch value {
    case .text(let text):
      return text.hasPrefix("-") ? [word("--\(option)=\(text)")] : [word("--" + option), word(text)]
    case .flag(true): return [word("--" + option)]
    case .flag(false), .absent: return []
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

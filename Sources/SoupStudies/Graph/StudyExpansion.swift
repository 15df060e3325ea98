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
  private(set) var groups: [String: [String]] = [:]
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

  // MARK: Soups

  private mutating func soups(_ soup: StudyFile.Soup) {
    let members = models(soup.of, of: "soups.\(soup.name)")
    guard soup.isForEach else { return self.soup(soup, members) }
    // In the order of the models that their members come from.
    var groups: [(parent: String, members: [StudyModel])] = []
    for member in members {
      let parent = member.parent ?? "none"
      if let place = groups.firstIndex(where: { $0.parent == parent }) {
        groups[place].members.append(member)
      } else {
        groups.append((parent, [member]))
      }
    }
    for group in groups {
      var own = soup
      own.name = "\(soup.name)-\(group.parent)"
      self.soup(own, group.members)
      self.group(own.name, in: soup.name)
      // Others are made of them, or one of them is chosen.
      graph.change(own.name) { $0.role = .stage }
    }
  }

  private mutating func soup(_ soup: StudyFile.Soup, _ members: [StudyModel]) {
    let sources = members.compactMap(\.word)
    var run = RunSpecification(name: soup.name, kind: .season, words: [], outputs: [RunSpecification.checkpoint])
    var role = StudyModel.Role.soup
    switch soup.method {
    case "best":
      // The best of soups is no single model.
      role = members.allSatisfy { $0.role == .ingredient || $0.role == .base } ? .best : .soup
      run.kind = .select
      run.takesThreads = false
      let set = file.sets.first { $0.isSelection && !$0.isShift }!
      run.words = [.text("study"), .text("select")]
      for member in members {
        if !member.classifies {
          problems.append(
            "soups.\(soup.name): '\(member.name)' has no classifier yet, so none can be the best by accuracy")
        }
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
    var model = StudyModel(
      soup.name, role, method: soup.method, source: .run(soup.name), candidates: members.map(\.name))
    model.classifies = members.allSatisfy(\.classifies)
    graph.add(model)
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

  /// Models that are asked for, or all that classify.
  private mutating func scored(on set: StudyFile.EvaluationSet) -> [String] {
    guard let names = set.of else { return graph.models.filter { $0.classifies && !$0.isCandidate }.map(\.name) }
    return models(names, of: "evaluate.\(set.name).of").map(\.name)
  }

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
    // `{average:pairs.csv}`: what another run has written.
    if let colon = name.firstIndex(of: ":"), let run = graph[String(name[..<colon])] {
      let output = String(name[name.index(after: colon)...])
      if !(run.outputs + [RunSpecification.printed]).contains(output) {
        problems.append(
          "\(place): '\(run.name)' writes no '\(output)'; it writes \(run.outputs.joined(separator: ", "))")
      }
      return [.result(of: run.name, file: output)]
    }
    if name == "data", let data = file.data { return [.text(data)] }
    if name.hasPrefix("out:") {
      let output = String(name.dropFirst(4))
      if !outputs.contains(output) { problems.append("\(place): '\(output)' is not among its outputs") }
      return [.output(output)]
    }
    return models([name], of: place).compactMap(\.word)
  }

  mutating func optionWords(_ item: Settings.Item, _ place: String) -> [RunSpecification.Word] {
    if case .fixed(let text?) = item.setting, text.hasPrefix("{") {
      return [.text("--" + item.name)] + replaced(text, "\(place).\(item.name)", outputs: [])
    }
    return Self.words(item.name, Self.fixedValue(item.setting))
  }

  /// Models by name; all ingredients for nil.
  mutating func models(_ names: [String]?, of place: String) -> [StudyModel] {
    let ingredients = graph.models.filter {
      $0.role == .ingredient || ($0.role == .base && file.ingredients?.includesBase == true)
    }
    guard let names else { return ingredients }
    return names.flatMap { name -> [StudyModel] in
      if name == "ingredients" { return ingredients }
      if let group = groups[name] { return group.compactMap { graph.model($0) } }
      if let model = graph.model(name), model.role != .ensemble { return [model] }
      let known =
        graph.models.filter { ![.ensemble, .ingredient, .stage].contains($0.role) }.map(\.name)
        + file.stages.map(\.name).filter { groups[$0] != nil }
      problems.append(
        "\(place): there is no model '\(name)' before it; known are \((known + ["ingredients"]).joined(separator: ", "))"
          + (ingredients.first.map { ", \($0.name) to \(ingredients.last!.name)" } ?? ""))
      return []
    }
  }

  func data() -> [RunSpecification.Word] { file.data.map { [.text("--data"), .text($0)] } ?? [] }

  var readings: [String] {
    file.inputs + (file.data.flatMap(Self.folder).map { [$0] } ?? [])
  }

  /// The folder in `cifar10:/data/cifar`.
  static func folder(_ data: String) -> String? {
    data.firstIndex(of: ":").map { String(data[data.index(after: $0)...]) }
  }

  static func folder(_ set: StudyFile.EvaluationSet) -> [String] {
    if case .fixed(let data?)? = set.options["data"], let folder = folder(data) { [folder] } else { [] }
  }

  static func fixedValue(_ setting: Setting) -> Setting.Value {
    switch setting {
    case .fixed(let text): text.map(Setting.Value.text) ?? .absent
    case .flag(let isSet): .flag(isSet)
    default: .absent
    }
  }

  /// Options that change how fast a result comes or where it is logged, not what it is.
  private static let details: Set<String> = ["threads", "loader-threads", "save-every", "tensorboard", "log"]

  static func words(_ option: String, _ value: Setting.Value) -> [RunSpecification.Word] {
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

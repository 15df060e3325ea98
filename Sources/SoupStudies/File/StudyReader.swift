import Foundation
import Yams

/// Reads a study's YAML. Strict: an unknown key, a wrong type, a name used twice is an error, and all are listed with
/// their lines.
struct StudyReader {
  var problems: [String] = []
  /// Where something was said, for problems that are found when all is read.
  var marks: [String: Node] = [:]
  private let path: String?

  /// - Throws: `StudyError` with code `cannot-read` or `invalid-file`.
  static func read(_ text: String, path: String?, defaultName: String) throws(StudyError) -> StudyFile {
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch {
      throw StudyError(.cannotRead, path, "is not YAML: \(error)")
    }
    guard let root, case .mapping(let mapping) = root else {
      throw StudyError(.cannotRead, path, "is not a study: expected a mapping with 'ingredients', 'soups', …")
    }
    var reader = StudyReader(path: path)
    let file = reader.study(mapping, text: text, defaultName: defaultName)
    if reader.problems.isEmpty { reader.checkNames(file) }
    guard reader.problems.isEmpty else {
      throw StudyError(
        .invalidFile, path,
        reader.problems.count == 1
          ? reader.problems[0]
          : "\(reader.problems.count) problems:\n  " + reader.problems.joined(separator: "\n  "))
    }
    return file
  }

  private init(path: String?) { self.path = path }

  // MARK: Sections

  private mutating func study(_ node: Node.Mapping, text: String, defaultName: String) -> StudyFile {
    var file = StudyFile(
      name: defaultName, seed: 0, data: nil, inputs: [], options: [:], base: nil, ingredients: nil, soups: [],
      ensembles: [], sets: [], steps: [], slurm: .init(), retries: 2, workers: nil, text: text)
    var sets: [StudyFile.EvaluationSet]?
    for (key, value) in entries(node, "the study") {
      switch key {
      case "name": file.name = name(value, "name") ?? defaultName
      case "seed": file.seed = UInt64(integer(value, "seed", 0...Int.max) ?? 0)
      case "data": file.data = scalar(value, "data")
      case "inputs": file.inputs = strings(value, "inputs")
      case "options":
        for (command, options) in entries(value, "options") {
          file.options[command] = settings(options, "options.\(command)", fixed: true)
        }
      case "base": file.base = base(value)
      case "ingredients": file.ingredients = ingredients(value)
      case "stages": file.stages = stages(value)
      case "branches": file.branches = branches(value)
      case "soups": file.soups = soups(value)
      case "ensembles": file.ensembles = ensembles(value)
      case "evaluate": sets = evaluations(value)
      case "pairs": file.pairs = pairs(value)
      case "similarities": file.similarities = settings(value, "similarities", fixed: true)
      case "contrasts": file.contrasts = contrasts(value)
      case "steps": file.steps = steps(value)
      case "slurm": file.slurm = slurm(value)
      case "retries": file.retries = integer(value, "retries", 0...100) ?? 2
      case "workers": file.workers = integer(value, "workers", 1...4096)
      default:
        unknown(
          key, value, "the study",
          "name, seed, data, inputs, options, base, ingredients, stages, branches, soups, ensembles, evaluate, pairs, "
            + "similarities, contrasts, steps, slurm, retries, workers"
        )
      }
    }
    file.sets =
      sets
      ?? ["held-out", "test"].map {
        .init(name: $0, split: $0, isShift: false, shift: nil, of: nil, options: Settings())
      }
    return file
  }

  private mutating func base(_ node: Node) -> StudyFile.Base? {
    if case .scalar(let scalar) = node { return .checkpoint(scalar.string) }
    let settings = settings(node, "base", fixed: true)
    if let checkpoint = settings["checkpoint"], case .fixed(let path?) = checkpoint {
      if settings.items.count > 1 { problem(node, "base: 'checkpoint' stands alone; it is not trained") }
      return .checkpoint(path)
    }
    return .training(settings)
  }

  private mutating func ingredients(_ node: Node) -> StudyFile.Ingredients? {
    var result = StudyFile.Ingredients(
      search: .random, count: 0, repeats: 1, settings: Settings(), files: [], includesBase: false)
    var search: StudyFile.Ingredients.Search?
    for (key, value) in entries(node, "ingredients") {
      switch key {
      case "files": result.files = strings(value, "ingredients.files")
      case "include-base": result.includesBase = flag(value, "ingredients.include-base")
      default:
        if !searchEntry(key, value, "ingredients", &result, &search) {
          unknown(key, value, "ingredients", "search, count, repeats, files, include-base, settings")
        }
      }
    }
    result.search = search ?? (result.files.isEmpty ? .random : .files)
    switch result.search {
    case .files where result.files.isEmpty: problem(node, "ingredients: 'files' names no checkpoint")
    case .files where !result.settings.items.isEmpty || result.count > 0:
      problem(node, "ingredients: 'files' exist already; 'count' and 'settings' do not go with them")
    default: checkSearch(result, node, "ingredients")
    }
    return result
  }

  /// What a search for settings has wherever there is one. Returns whether it was such a key.
  mutating func searchEntry(
    _ key: String, _ value: Node, _ place: String, _ result: inout StudyFile.Ingredients,
    _ search: inout StudyFile.Ingredients.Search?
  ) -> Bool {
    switch key {
    case "search":
      search = scalar(value, "\(place).search").flatMap(StudyFile.Ingredients.Search.init)
      if search == nil { problem(value, "\(place).search: expected random or grid, found '\(text(value))'") }
    case "count": result.count = integer(value, "\(place).count", 1...100_000) ?? 1
    case "repeats": result.repeats = integer(value, "\(place).repeats", 1...100_000) ?? 1
    case "settings": result.settings = settings(value, "\(place).settings", fixed: false)
    default: return false
    }
    return true
  }

  mutating func checkSearch(_ result: StudyFile.Ingredients, _ node: Node, _ place: String) {
    switch result.search {
    case .random where result.count == 0: problem(node, "\(place): a random search needs 'count'")
    case .grid:
      if result.count > 0 { problem(node, "\(place): a grid has its own size; 'count' belongs to a random search") }
      for item in result.settings.items where item.setting.grid == nil {
        problem(node, "\(place).settings.\(item.name): a range in a grid needs 'points'")
      }
    default: break
    }
    if result.search != .grid, result.repeats != 1 { problem(node, "\(place): 'repeats' belongs to a grid") }
  }

  private mutating func soups(_ node: Node) -> [StudyFile.Soup] {
    named(node, "soups").map { name, value in
      var soup = StudyFile.Soup(name: name, method: name, of: nil, options: Settings())
      for (key, value) in value.map({ entries($0, "soups.\(name)") }) ?? [] {
        switch key {
        case "method": soup.method = scalar(value, "soups.\(name).method") ?? name
        case "of": soup.of = strings(value, "soups.\(name).of")
        case "each": soup.isForEach = flag(value, "soups.\(name).each")
        default:
          soup.options.items.append(.init(name: key, setting: setting(value, "soups.\(name).\(key)", fixed: true)))
        }
      }
      return soup
    }
  }

  private mutating func ensembles(_ node: Node) -> [StudyFile.Ensemble] {
    named(node, "ensembles").map { name, value in
      var ensemble = StudyFile.Ensemble(name: name, method: "logits", of: nil, options: Settings())
      for (key, value) in value.map({ entries($0, "ensembles.\(name)") }) ?? [] {
        switch key {
        case "method":
          ensemble.method = scalar(value, "ensembles.\(name).method") ?? "logits"
          if !["logits", "probabilities", "greedy"].contains(ensemble.method) {
            problem(
              value, "ensembles.\(name).method: expected logits, probabilities or greedy, found '\(ensemble.method)'")
          }
        case "of": ensemble.of = strings(value, "ensembles.\(name).of")
        default:
          ensemble.options.items.append(
            .init(name: key, setting: setting(value, "ensembles.\(name).\(key)", fixed: true)))
        }
      }
      return ensemble
    }
  }

  private mutating func evaluations(_ node: Node) -> [StudyFile.EvaluationSet] {
    named(node, "evaluate").map { name, value in
      var set = StudyFile.EvaluationSet(
        name: name, split: ["held-out", "train"].contains(name) ? name : "test", isShift: false, shift: nil,
        of: nil, options: Settings())
      for (key, value) in value.map({ entries($0, "evaluate.\(name)") }) ?? [] {
        switch key {
        case "split":
          set.split = scalar(value, "evaluate.\(name).split") ?? ""
          if !["test", "held-out", "train"].contains(set.split) {
            problem(value, "evaluate.\(name).split: expected test, held-out or train, found '\(set.split)'")
          }
        case "shift": shift(value, "evaluate.\(name).shift", &set)
        case "of": set.of = strings(value, "evaluate.\(name).of")
        default:
          set.options.items.append(.init(name: key, setting: setting(value, "evaluate.\(name).\(key)", fixed: true)))
        }
      }
      return set
    }
  }

  /// `true` says that the images are shifted, a name computes the shift from them.
  private mutating func shift(_ node: Node, _ place: String, _ set: inout StudyFile.EvaluationSet) {
    if let isShift = node.bool {
      set.isShift = isShift
    } else if Self.shifts.contains(text(node)) {
      set.isShift = true
      set.shift = text(node)
    } else {
      let known = Self.shifts.joined(separator: ", ")
      problem(node, "\(place): expected true, false, or one of \(known), found '\(text(node))'")
    }
  }

  /// What `soup evaluate --shift` computes.
  private static let shifts = ["cifar-c", "imagenet-c", "imagenet-c-extra", "laion-c"]

  private mutating func steps(_ node: Node) -> [StudyFile.Step] {
    named(node, "steps").compactMap { name, value in
      guard let value else {
        problem(node, "steps.\(name): needs 'command'")
        return nil
      }
      var step = StudyFile.Step(name: name, command: [], outputs: [], record: nil, takesThreads: true)
      for (key, value) in entries(value, "steps.\(name)") {
        switch key {
        case "command": step.command = strings(value, "steps.\(name).command", splitting: true)
        case "outputs": step.outputs = strings(value, "steps.\(name).outputs")
        case "record":
          step.record = scalar(value, "steps.\(name).record")
          if !StudyFile.Step.records.contains(step.record ?? "") {
            let known = StudyFile.Step.records.joined(separator: ", ")
            problem(value, "steps.\(name).record: expected one of \(known), found '\(text(value))'")
          }
        case "threads": step.takesThreads = flag(value, "steps.\(name).threads")
        default: unknown(key, value, "steps.\(name)", "command, outputs, record, threads")
        }
      }
      if step.command.first == "soup" { step.command.removeFirst() }
      if step.command.isEmpty {
        problem(value, "steps.\(name): needs 'command', as [landscape, line, '{base}', '{greedy}']")
      }
      for output in step.outputs where output.contains("/") || output.hasPrefix(".") || output.isEmpty {
        problem(value, "steps.\(name).outputs: '\(output)' is not a plain file name")
      }
      return step
    }
  }

  private mutating func slurm(_ node: Node) -> StudyFile.SlurmOptions {
    var options = StudyFile.SlurmOptions()
    for (key, value) in entries(node, "slurm") {
      if key == "concurrent" {
        options.concurrent = integer(value, "slurm.concurrent", 1...100_000)
      } else if case .mapping = value {
        options.byKind[key] = [:]
        for (name, value) in entries(value, "slurm.\(key)") {
          options.byKind[key]![name] = scalar(value, "slurm.\(key).\(name)") ?? ""
        }
      } else {
        options.common[key] = scalar(value, "slurm.\(key)") ?? ""
      }
    }
    return options
  }

  // MARK: Problems

  mutating func problem(_ node: Node, _ text: String) {
    problems.append((node.mark.map { "line \($0.line): " } ?? "") + text)
  }

  /// At a place that `marks` knows.
  mutating func problem(at place: String, _ text: String) {
    problems.append((marks[place]?.mark.map { "line \($0.line): " } ?? "") + place + ": " + text)
  }

  mutating func unknown(_ key: String, _ node: Node, _ place: String, _ known: String) {
    problem(node, "\(place) has no '\(key)'; known are \(known)")
  }
}

extension StudyFile {
  /// Reads a study.
  /// - Throws: `StudyError`, listing everything that is wrong with the file.
  public init(contentsOf path: String) throws(StudyError) {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw StudyError(.cannotRead, path, "no such file, or it may not be read")
    }
    let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
    try self.init(yaml: String(decoding: data, as: UTF8.self), path: path, defaultName: name)
  }

  public init(yaml text: String, path: String? = nil, defaultName: String = "study") throws(StudyError) {
    self = try StudyReader.read(text, path: path, defaultName: defaultName)
  }
}

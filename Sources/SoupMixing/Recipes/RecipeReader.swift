import SoupTensors
import Yams

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Reads YAML into recipes, collecting every problem with its line.
struct RecipeReader {
  private let file: String
  private let folder: String
  private var problems: [String] = []
  /// Names of the stages read so far.
  private var stageNames: Set<String> = []
  /// Aliases may expand to any size.
  private var nodesLeft = 100_000

  init(file: String, folder: String) {
    self.file = file
    self.folder = folder
  }

  mutating func read(_ yaml: String) throws -> [RecipeFile.Stage] {
    var documents: [Node] = []
    do {
      let sequence = try Parser(yaml: yaml)
      while let document = try sequence.nextRoot() { documents.append(document) }
    } catch let error as YamlError {
      throw MixError(.invalidRecipe, "\(file): is not valid YAML: \(error)")
    }
    var nodes: [Node] = []
    for document in documents {
      let map = mapping(document, "a recipe")
      if let list = map.first(where: { $0.key == "stages" })?.value {
        for (key, node, _) in map where key != "stages" {
          problem(node, "'\(key)' stands beside 'stages'; it belongs into one of them")
        }
        nodes += sequence(list, "stages")
      } else {
        nodes.append(document)
      }
    }
    if nodes.isEmpty { problems.append("\(file): holds no recipe") }
    var stages: [RecipeFile.Stage] = []
    for (index, node) in nodes.enumerated() {
      if let stage = stage(node, isLast: index == nodes.count - 1) { stages.append(stage) }
    }
    guard problems.isEmpty else {
      throw MixError(
        .invalidRecipe,
        problems.count == 1
          ? problems[0] : "\(file) has \(problems.count) problems:\n  " + problems.joined(separator: "\n  "))
    }
    return stages
  }

  // MARK: - A stage

  /// What mergekit knows and this program does not do, with what to do instead.
  private static let refused: [String: String] = [
    "modules": "parts with layers of their own are not supported; mix the parts in one recipe each",
    "tokenizer": "tokenizers are not changed; give the models one vocabulary first",
    "tokenizer_source": "tokenizers are not changed; give the models one vocabulary first",
    "chat_template": "chat templates are not changed; edit the tokenizer's configuration of the soup",
    "residual_weight": "mergekit reads it and never uses it; remove it",
    "experts": "mixtures of experts are not supported",
    "gate_mode": "mixtures of experts are not supported",
    "lora": "LoRA adapters are not supported; merge the adapter into its model first",
    "override_architecture": "architectures are not needed here; remove it",
    "tokens": "tokenizers are not changed; give the models one vocabulary first",
    "user_name": "models are read from disk; give a path",
  ]

  private mutating func stage(_ node: Node, isLast: Bool) -> RecipeFile.Stage? {
    let map = mapping(node, "a recipe")
    var recipe = Recipe([], method: .uniform)
    var name: String?
    var method: MethodName?
    var dtype: DType?
    var outDType: DType?
    var lists = 0
    for (key, value, keyNode) in map where key == "merge_method" {
      let text = string(value, key) ?? ""
      method = MethodName(rawValue: text)
      if method == nil {
        problem(
          keyNode,
          "there is no merge method '\(text)'; there are "
            + MethodName.allCases.map(\.rawValue).joined(separator: ", "))
      }
    }
    if !map.contains(where: { $0.key == "merge_method" }) { problem(node, "'merge_method' is missing") }
    recipe.method = .named(method ?? .linear)
    for (key, value, keyNode) in map {
      switch key {
      case "merge_method": break
      case "name": name = string(value, key)
      case "base_model": recipe.base = reference(value)
      case "models":
        lists += 1
        recipe.ingredients += sequence(value, key).flatMap { ingredients($0, method) }
      case "slices":
        lists += 1
        recipe.slices = sequence(value, key).map { slice($0, method) }
      case "parameters": recipe.parameters = parameters(value, method)
      case "dtype": dtype = floatType(value, key)
      case "out_dtype": outDType = floatType(value, key)
      case "layers": recipe.layers = string(value, key)
      case "names": recipe.names = choice(value, key)
      case "rest": recipe.rest = reference(value)
      case "running_statistics": recipe.runningStatistics = choice(value, key)
      case "compat": recipe.compatibility = choice(value, key)
      default:
        unknown(
          key, keyNode,
          "merge_method, models, slices, base_model, parameters, dtype, out_dtype, name, "
            + "names, rest, layers, running_statistics, compat and stages")
      }
    }
    if lists != 1 { problem(node, "a recipe has either 'models' or 'slices'") }
    for slice in recipe.slices ?? [] {
      for source in slice.sources where !recipe.ingredients.contains(where: { $0.path == source.path }) {
        recipe.ingredients.append(Recipe.Ingredient(source.path))
      }
    }
    if lists == 1, recipe.ingredients.isEmpty, problems.isEmpty { problem(node, "the recipe names no models") }
    recipe.dtype = outDType ?? dtype
    if let name {
      if !stageNames.insert(name).inserted { problem(node, "two stages are named '\(name)'") }
    } else if !isLast {
      problem(node, "only the last stage may go without a 'name': nothing can use this one")
    }
    // With mistakes in the text the recipe is not what was meant.
    if problems.isEmpty { for text in recipe.problems() { problem(node, text) } }
    return problems.isEmpty ? RecipeFile.Stage(name: name, recipe: recipe) : nil
  }

  private mutating func ingredients(_ node: Node, _ method: MethodName?) -> [Recipe.Ingredient] {
    var paths: [String] = []
    var ingredient = Recipe.Ingredient("")
    for (key, value, keyNode) in mapping(node, "a model") {
      switch key {
      case "model": paths = references(value)
      case "parameters": ingredient.parameters = parameters(value, method)
      case "importance": ingredient.importance = reference(value)
      case "mask": ingredient.mask = reference(value)
      default: unknown(key, keyNode, "model, parameters, importance and mask")
      }
    }
    if paths.isEmpty, problems.isEmpty { problem(node, "'model' is missing") }
    return paths.map { path in
      var copy = ingredient
      copy.path = path
      return copy
    }
  }

  private mutating func slice(_ node: Node, _ method: MethodName?) -> Slice {
    var slice = Slice([])
    for (key, value, keyNode) in mapping(node, "a slice") {
      switch key {
      case "sources": slice.sources = sequence(value, key).compactMap { source($0, method) }
      case "base_model": slice.base = reference(value)
      case "parameters": slice.parameters = parameters(value, method)
      default: unknown(key, keyNode, "sources, base_model and parameters")
      }
    }
    if slice.sources.isEmpty, problems.isEmpty { problem(node, "'sources' is missing") }
    return slice
  }

  private mutating func source(_ node: Node, _ method: MethodName?) -> Slice.Source? {
    var path: String?
    var range: Range<Int>?
    var numbers: [String: Setting]?
    for (key, value, keyNode) in mapping(node, "a source") {
      switch key {
      case "model": path = reference(value)
      case "layer_range":
        let ends = sequence(value, key).compactMap { node -> Int? in node.scalar.flatMap { Int($0.string) } }
        if ends.count == 2, ends[0] >= 0, ends[0] < ends[1] {
          range = ends[0]..<ends[1]
        } else {
          problem(value, "'layer_range' is [first, end]: two numbers, the second greater")
        }
      case "parameters": numbers = parameters(value, method)
      default: unknown(key, keyNode, "model, layer_range and parameters")
      }
    }
    guard let path, let range else {
      if problems.isEmpty { problem(node, "a source has a 'model' and a 'layer_range'") }
      return nil
    }
    return Slice.Source(path, range, parameters: numbers)
  }

  // MARK: - Values

  private mutating func parameters(_ node: Node, _ method: MethodName?) -> [String: Setting] {
    var result: [String: Setting] = [:]
    for (key, value, keyNode) in mapping(node, "parameters") {
      let setting = setting(value, key)
      if let method {
        if let parameter = method.parameters.first(where: { $0.name == key }) {
          for problem in setting.rules.flatMap(\.values).compactMap(parameter.problem) {
            self.problem(keyNode, problem)
          }
        } else {
          problem(keyNode, method.refusal(of: [key]))
        }
      }
      result[key] = setting
    }
    return result
  }

  private mutating func setting(_ node: Node, _ key: String) -> Setting {
    if case .sequence(let list) = node {
      if list.contains(where: { $0.mapping != nil }) { return Setting(list.map { rule($0, key) }) }
      return Setting([Setting.Rule(numbers(node, key))])
    }
    if node.mapping != nil { return Setting([rule(node, key)]) }
    return Setting([Setting.Rule(numbers(node, key))])
  }

  private mutating func rule(_ node: Node, _ key: String) -> Setting.Rule {
    guard node.mapping != nil else { return Setting.Rule(numbers(node, key)) }
    var rule = Setting.Rule([])
    for (part, value, keyNode) in mapping(node, key) {
      switch part {
      case "value": rule.values = numbers(value, key)
      case "filter": rule.filter = isNull(value) ? nil : string(value, part)
      default: unknown(part, keyNode, "value and filter")
      }
    }
    if rule.values.isEmpty, problems.isEmpty { problem(node, "'value' is missing") }
    return rule
  }

  /// A number, or a list of numbers.
  private mutating func numbers(_ node: Node, _ key: String) -> [Double] {
    if case .sequence(let list) = node {
      if list.isEmpty { problem(node, "'\(key)' is an empty list") }
      return list.compactMap { number($0, key) }
    }
    return number(node, key).map { [$0] } ?? []
  }

  private mutating func number(_ node: Node, _ key: String) -> Double? {
    guard spend(node) else { return nil }
    let text = node.scalar?.string ?? ""
    switch text.lowercased() {
    case "true", "yes", "on": return 1
    case "false", "no", "off": return 0
    default: break
    }
    if let value = Double(text), value.isFinite { return value }
    problem(node, "'\(key)' is \(node.scalar == nil ? "not a number" : "'\(text)', not a number")")
    return nil
  }

  private mutating func floatType(_ node: Node, _ key: String) -> DType? {
    guard let text = string(node, key) else { return nil }
    guard let dtype = DType(parsing: text), dtype.isFloatingPoint else {
      problem(node, "'\(key)' is '\(text)'; a soup is stored as float32, bfloat16, float16, float64 or float8")
      return nil
    }
    return dtype
  }

  private mutating func choice<Value: RawRepresentable & CaseIterable>(_ node: Node, _ key: String) -> Value?
  where Value.RawValue == String {
    guard let text = string(node, key) else { return nil }
    if let value = Value(rawValue: text) { return value }
    problem(
      node, "'\(key)' is '\(text)'; it may be " + Value.allCases.map(\.rawValue).joined(separator: ", "))
    return nil
  }

  // MARK: - Files

  private mutating func reference(_ node: Node) -> String? {
    let paths = references(node)
    if paths.count > 1 { problem(node, "matches \(paths.count) files, where one is needed") }
    return paths.first
  }

  /// The files that a model reference names: one, those that match a pattern, or an earlier stage.
  private mutating func references(_ node: Node) -> [String] {
    if node.mapping != nil {
      // mergekit's long form: {model: {path: …}}.
      var path: [String] = []
      for (key, value, keyNode) in mapping(node, "a model") {
        switch key {
        case "model", "path": path = references(value)
        case "revision": problem(keyNode, "revisions are not downloaded; give a path")
        default: unknown(key, keyNode, "model and path")
        }
      }
      return path
    }
    guard let text = string(node, "model") else { return [] }
    if stageNames.contains(text) { return [text] }
    let candidates = text.hasPrefix("/") || folder.isEmpty ? [text] : [folder + text, text]
    if let found = candidates.first(where: { access($0, F_OK) == 0 }) { return [found] }
    if text.contains(where: { "*?[".contains($0) }) {
      for candidate in candidates {
        let found = Self.matches(candidate)
        if !found.isEmpty { return found }
      }
      problem(node, "'\(text)' matches no file")
      return []
    }
    if text.contains("+") {
      problem(node, "'\(text)': LoRA adapters are not supported; merge the adapter into its model first")
      return []
    }
    problem(
      node,
      "'\(text)' does not exist"
        + (folder.isEmpty ? "" : ", neither beside the recipe nor in the working directory")
        + "; models are read from disk, nothing is downloaded")
    return []
  }

  private static func matches(_ pattern: String) -> [String] {
    var result = glob_t()
    defer { globfree(&result) }
    guard glob(pattern, 0, nil, &result) == 0, let paths = result.gl_pathv else { return [] }
    return (0..<Int(result.gl_pathc)).compactMap { paths[$0].map { String(cString: $0) } }
  }

  // MARK: - Nodes

  /// The pairs of a mapping, in order; each key once.
  private mutating func mapping(_ node: Node, _ what: String) -> [(key: String, value: Node, keyNode: Node)] {
    guard spend(node) else { return [] }
    guard case .mapping(let map) = node else {
      if !isNull(node) { problem(node, "\(what) is a list of 'key: value' lines") }
      return []
    }
    var result: [(key: String, value: Node, keyNode: Node)] = []
    for (keyNode, value) in map {
      guard let key = keyNode.scalar?.string else {
        problem(keyNode, "a key is a word")
        continue
      }
      result.append((key, value, keyNode))
    }
    return result
  }

  private mutating func sequence(_ node: Node, _ key: String) -> [Node] {
    guard spend(node) else { return [] }
    guard case .sequence(let list) = node else {
      problem(node, "'\(key)' is a list")
      return []
    }
    return Array(list)
  }

  private mutating func string(_ node: Node, _ key: String) -> String? {
    guard spend(node) else { return nil }
    if let text = node.scalar?.string, !text.isEmpty { return text }
    problem(node, "'\(key)' is a word")
    return nil
  }

  private func isNull(_ node: Node) -> Bool { node.null != nil }

  private mutating func unknown(_ key: String, _ node: Node, _ known: String) {
    if let reason = Self.refused[key] {
      problem(node, "'\(key)': \(reason)")
    } else {
      problem(node, "unknown key '\(key)'; known are \(known)")
    }
  }

  private mutating func problem(_ node: Node, _ text: String) {
    let line = node.mark.map { ":\($0.line)" } ?? ""
    problems.append("\(file)\(line): \(text)")
  }

  /// Counts a node; false when there were too many.
  private mutating func spend(_ node: Node) -> Bool {
    nodesLeft -= 1
    if nodesLeft == 0 { problem(node, "the recipe has too many parts; aliases may have multiplied them") }
    return nodesLeft > 0
  }
}

import SoupCheckpoints
import SoupTensors

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The `README.md` of a soup's folder: what it was made of, how, and how to make it again. The lines at its head are
/// those that Hugging Face reads, as mergekit writes them.
struct ModelCard {
  let text: String

  /// - Parameter configuration: the text of the model's `config.json`.
  init(_ plan: MixPlan, name: String, command: String?, configuration: String?) throws {
    let recipe = plan.recipe
    let earlier = EarlierStage.all(of: plan)
    let settings = configuration.map { ModelSettings($0) }
    var models: [String] = []
    for recipe in earlier.map(\.recipe) + [recipe] {
      for path in recipe.ingredients.map(\.path) + [recipe.base].compactMap({ $0 }) where !models.contains(path) {
        models.append(path)
      }
    }
    var known: [String] = []
    for path in models { if let name = Self.hubName(path), !known.contains(name) { known.append(name) } }
    if known.isEmpty, let origin = settings?.origin { known.append(origin) }

    var lines = ["---"]
    lines += known.isEmpty ? ["base_model: []"] : ["base_model:"] + known.map { "- \(Self.scalar($0))" }
    if let library = settings?.library { lines.append("library_name: \(library)") }
    lines += ["tags:", "- merge", "- model-soup", "- swift-soups", "---", "", "# \(Self.plain(name))", ""]
    let count = recipe.ingredients.count
    lines += [
      "A mix of \(count) checkpoint\(count == 1 ? "" : "s"), made by swift-soups \(SoupVersion.current).", "",
      "## Method",
      "", Self.method(recipe) + ".", "",
    ]
    if let base = recipe.base { lines += ["Base: `\(Self.code(base))`", ""] }
    lines += ["## Ingredients", "", "| ingredient | weight | other numbers |", "|---|---|---|"]
    for (index, ingredient) in recipe.ingredients.enumerated() {
      lines.append(
        "| `\(Self.code(ingredient.path))` | \(Self.weight(index, recipe)) | \(Self.numbers(ingredient)) |")
    }
    let dtypes = DType.allCases.compactMap { dtype -> String? in
      let elements = plan.layout.entries.filter { $0.dtype == dtype }.reduce(0) { $0 + $1.count }
      return elements == 0 ? nil : "\(elements) \(dtype.name)"
    }
    lines += [
      "", "\(plan.layout.entries.count) tensors; elements: \(dtypes.joined(separator: ", ")).", "", "## Recipe", "",
      "```yaml", try Self.yaml(earlier, recipe), "```",
    ]
    if let command {
      lines += [
        "", "To make it again, store the recipe as `recipe.yml` beside its models and run", "", "```sh", command, "```",
        "", "The same recipe and files give the same bytes on every machine.",
      ]
    }
    text = lines.joined(separator: "\n") + "\n"
  }

  /// Whether a name is one of a model at Hugging Face: `owner/model`.
  static func isHubName(_ text: some StringProtocol) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count == 2
      && parts.allSatisfy { part in
        !part.isEmpty && !part.hasPrefix(".")
          && part.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
              UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
              true
            default: false
            }
          }
      }
  }

  /// The name of a model that lies in a cache of Hugging Face: `…/models--owner--model/snapshots/…`. A path alone says
  /// nothing: a link to a model that somebody else may publish under that name would be wrong.
  static func hubName(_ path: String) -> String? {
    for part in path.split(separator: "/") where part.hasPrefix("models--") {
      let name = part.dropFirst("models--".count).replacing("--", with: "/")
      if isHubName(name) { return String(name) }
    }
    return nil
  }

  /// All stages, as a recipe file has them.
  private static func yaml(_ earlier: [EarlierStage], _ recipe: Recipe) throws -> String {
    let texts = try earlier.map { try $0.recipe.yaml(name: $0.name) } + [recipe.yaml()]
    return texts.map { $0.hasSuffix("\n") ? String($0.dropLast()) : $0 }.joined(separator: "\n---\n")
  }

  private static func method(_ recipe: Recipe) -> String {
    switch recipe.method {
    case .uniform: "Uniform soup: the mean of all ingredients (Wortsman et al., 2022, arXiv:2203.05482)"
    case .weighted(let normalize):
      normalize ? "Weighted mean" : "Weighted sum"
    case .interpolate(let alpha): "Interpolation: \(1 - alpha) of the first ingredient and \(alpha) of the second"
    case .named(let name): "`\(name.rawValue)`"
    }
  }

  private static func weight(_ index: Int, _ recipe: Recipe) -> String {
    let ingredient = recipe.ingredients[index]
    if let setting = ingredient.parameters?["weight"] { return describe(setting) }
    switch recipe.method {
    case .uniform: return "1/\(recipe.ingredients.count)"
    case .interpolate(let alpha): return index == 0 ? "\(1 - alpha)" : "\(alpha)"
    default: break
    }
    if let weight = ingredient.weight { return "\(weight)" }
    return recipe.parameters?["weight"].map(describe) ?? "–"
  }

  private static func numbers(_ ingredient: Recipe.Ingredient) -> String {
    let numbers = (ingredient.parameters ?? [:]).filter { $0.key != "weight" }.sorted { $0.key < $1.key }
    return numbers.isEmpty ? "–" : numbers.map { "\($0.key) \(describe($0.value))" }.joined(separator: ", ")
  }

  private static func describe(_ setting: Setting) -> String {
    setting.rules.map { rule in
      let values = rule.values.map { "\($0)" }.joined(separator: "…")
      return rule.filter.map { "\(values) for `\(code($0))`" } ?? values
    }
    .joined(separator: "; ")
  }

  /// Text inside backquotes, in a table.
  private static func code(_ text: String) -> String {
    plain(text).replacing("`", with: "'").replacing("|", with: "\\|")
  }

  /// One line.
  private static func plain(_ text: String) -> String {
    String(String.UnicodeScalarView(text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))
  }

  private static func scalar(_ text: String) -> String { isHubName(text) ? text : "\"\(text)\"" }
}

/// A stage of a recipe file before the last, as the soup's metadata have it.
struct EarlierStage: Decodable {
  let name: String
  let recipe: Recipe

  static func all(of plan: MixPlan) -> [EarlierStage] {
    guard let text = plan.metadata["soup.stages"] else { return [] }
    return (try? JSONDecoder().decode([EarlierStage].self, from: Data(text.utf8))) ?? []
  }

  /// The file that a recipe's model comes from: that of its base, or its first ingredient, through all stages.
  static func model(of plan: MixPlan) -> String {
    let stages = all(of: plan)
    var recipe = plan.recipe
    // A stage only uses those before it.
    for _ in 0...stages.count {
      let path = recipe.base ?? recipe.ingredients[0].path
      guard let stage = stages.last(where: { $0.name == path }), !stage.recipe.ingredients.isEmpty else { return path }
      recipe = stage.recipe
    }
    return recipe.base ?? recipe.ingredients[0].path
  }
}

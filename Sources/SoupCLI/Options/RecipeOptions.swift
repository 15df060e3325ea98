import ArgumentParser
import SoupMixing
import SoupTensors

/// Everything that says what a soup is made of, and how: files and options, or a recipe file.
struct RecipeOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "Checkpoint files, folders of them, or quoted patterns; or one recipe (*.yml).", valueName: "ingredient"))
  var ingredients: [String] = []

  @OptionGroup(title: "Method") var method: MethodOptions
  @OptionGroup(title: "Method parameters") var parameters: MethodParameters
  @OptionGroup(title: "Names and roles") var handling: HandlingOptions
  @OptionGroup(title: "Output") var form: DTypeOptions

  /// The recipe file, if one is named.
  private var recipeFile: String? { ingredients.first(where: RecipeFile.isRecipe) }

  func validate() throws {
    var problems: [String] = []
    if ingredients.isEmpty, method.slice.isEmpty { problems.append("Name the checkpoints to mix, or a recipe.") }
    if !ingredients.isEmpty, !method.slice.isEmpty, recipeFile == nil {
      problems.append("--slice names the checkpoints itself; leave out \(ingredients.joined(separator: ", "))")
    }
    if let recipeFile {
      if ingredients.count > 1 {
        problems.append("the recipe '\(recipeFile)' names its ingredients itself; leave the others out")
      }
      let given = method.given + parameters.given.map(\.option)
      if !given.isEmpty {
        problems.append("the recipe '\(recipeFile)' says that itself; leave out \(given.joined(separator: ", "))")
      }
    } else {
      problems += method.problems(parameters.given)
    }
    problems += handling.problems
    try Self.refuse(problems)
  }

  /// The stages to mix: one, or those of the recipe file.
  func stages() throws -> [RecipeFile.Stage] {
    guard let recipeFile else {
      var recipe = try method.slice.isEmpty ? recipe(CheckpointPaths.expand(ingredients)) : sliced()
      try handling.apply(to: &recipe)
      try Self.refuse(recipe.problems())
      return [RecipeFile.Stage(name: nil, recipe: recipe)]
    }
    let stages = try RecipeFile(contentsOf: recipeFile).stages
    return try stages.enumerated().map { index, stage in
      var recipe = stage.recipe
      try handling.apply(to: &recipe)
      if index == stages.count - 1, let dtype = form.dtype?.dtype { recipe.dtype = dtype }
      try Self.refuse(recipe.problems())
      return RecipeFile.Stage(name: stage.name, recipe: recipe)
    }
  }

  private func recipe(_ paths: [String]) throws -> Recipe {
    var recipe = try method.method == nil ? simple(paths) : named(paths, method.name ?? .linear)
    recipe.dtype = form.dtype?.dtype
    return recipe
  }

  /// Layers from layers. The models are the sources of the slices, in the order in which they first occur.
  private func sliced() throws -> Recipe {
    let slices = try method.slice.map { text in
      try text.slice { try CheckpointPaths.expandOne($0, option: "--slice") }
    }
    var paths: [String] = []
    for source in slices.flatMap(\.sources) where !paths.contains(source.path) { paths.append(source.path) }
    var recipe = try named(paths, method.name ?? .linear, leavesBaseOut: false)
    recipe.slices = slices
    recipe.dtype = form.dtype?.dtype
    return recipe
  }

  /// Uniform, weighted or interpolated.
  private func simple(_ paths: [String]) throws -> Recipe {
    if let alpha = method.alpha {
      try Self.refuse(
        paths.count == 2 ? [] : ["--alpha interpolates two ingredients, but there are \(paths.count)."])
      return .interpolate(paths[0], paths[1], alpha: alpha)
    }
    guard let weights = parameters.given.first(where: { $0.name == "weight" }) else { return .uniform(paths) }
    try Self.refuse(weights.problems(paths, needsAll: true))
    // Weights that are the same for all tensors need no rules.
    let plain = paths.indices.compactMap { index -> Double? in
      guard let rules = weights.setting(index)?.rules, rules.count == 1, rules[0].filter == nil else { return nil }
      return rules[0].values.count == 1 ? rules[0].values[0] : nil
    }
    guard plain.count == paths.count else { return try named(paths, .linear) }
    return .weighted(zip(paths, plain).map { (path: $0, weight: $1) }, normalize: parameters.normalize ?? true)
  }

  /// - Parameter leavesBaseOut: whether the base is no model where it is among the paths.
  private func named(_ paths: [String], _ name: MethodName, leavesBaseOut: Bool = true) throws -> Recipe {
    var problems: [String] = []
    let base = try method.base.map { try CheckpointPaths.expandOne($0, option: "--base") }
    // The base need not be listed; where it is, as in a folder, it is not one of the models.
    let models = paths.filter { path in
      base.map { !leavesBaseOut || !CheckpointPaths.areSame(path, $0) } ?? true
    }
    if models.isEmpty { problems.append("there are no ingredients besides the base") }
    var recipe = Recipe.named(name, models.map { Recipe.Ingredient($0) }, base: base)
    for parameter in parameters.given {
      let mismatch = parameter.problems(models, needsAll: false)
      problems += mismatch
      guard mismatch.isEmpty else { continue }
      guard parameter.isList else {
        recipe.parameters = (recipe.parameters ?? [:]).merging([parameter.name: parameter.setting]) { $1 }
        continue
      }
      for index in models.indices {
        guard let setting = parameter.setting(index) else { continue }
        recipe.ingredients[index].parameters = (recipe.ingredients[index].parameters ?? [:])
          .merging([parameter.name: setting]) { $1 }
      }
    }
    let needsWeight = name.parameters.contains { $0.name == "weight" && $0.standard == nil }
    if needsWeight, parameters.weights.isEmpty {
      recipe.parameters = (recipe.parameters ?? [:]).merging(["weight": 1]) { $1 }
    }
    problems += try set(method.importance, \.importance, "--importance", &recipe)
    problems += try set(method.mask, \.mask, "--mask", &recipe)
    try Self.refuse(problems)
    return recipe
  }

  /// Gives each ingredient its file.
  private func set(
    _ names: [String], _ field: WritableKeyPath<Recipe.Ingredient, String?>, _ option: String, _ recipe: inout Recipe
  ) throws -> [String] {
    guard !names.isEmpty else { return [] }
    var files: [String?] = []
    for name in names { files += name == "-" ? [nil] : try CheckpointPaths.expand([name]).map { $0 } }
    let count = recipe.ingredients.count
    if files.count == 1, option == "--mask" { files = Array(repeating: files[0], count: count) }
    guard files.count == count else {
      return [
        "\(option) names \(files.count) file\(files.count == 1 ? "" : "s"), but there are \(count) ingredients: "
          + recipe.ingredients.map(\.path).joined(separator: ", ")
      ]
    }
    for (index, file) in files.enumerated() { recipe.ingredients[index][keyPath: field] = file }
    return []
  }

  /// Throws all problems as one.
  private static func refuse(_ problems: [String]) throws {
    guard let first = problems.first else { return }
    throw ValidationError(
      problems.count == 1 ? first : "there are \(problems.count) problems:\n  " + problems.joined(separator: "\n  "))
  }
}

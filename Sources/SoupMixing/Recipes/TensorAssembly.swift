import SoupCheckpoints
import SoupTensors

/// Turns a recipe into tensors: which names the soup has, which tensors of which files each is made of, and by what method
/// with what numbers.
struct TensorAssembly {
  /// A tensor of the soup.
  struct Item {
    let name: String
    let dtype: DType
    let shape: [Int]
    let sources: [MixPlan.Source]
    let method: any MergeMethod
  }

  /// The recipe's ingredients in order, then the base if it is not among them, the rest, importances and masks.
  let checkpoints: [Checkpoint]
  /// How many of them are models.
  let modelCount: Int

  private let recipe: Recipe
  private let base: Int?
  private let rest: Int?
  private let importances: [Int: Int]
  private let masks: [Int: Int]
  private let indices: [String: Int]
  private let stack: LayerStack?

  /// Opens the headers of all files.
  init(_ recipe: Recipe) throws {
    try recipe.validate()
    var opened: [String: Checkpoint] = [:]
    var checkpoints: [Checkpoint] = []
    var indices: [String: Int] = [:]
    func open(_ path: String) throws -> Int {
      let checkpoint = try opened[path] ?? Checkpoint(contentsOf: path)
      opened[path] = checkpoint
      checkpoints.append(checkpoint)
      indices[path] = indices[path] ?? checkpoints.count - 1
      return checkpoints.count - 1
    }
    for ingredient in recipe.ingredients { _ = try open(ingredient.path) }
    base = try recipe.base.map { try indices[$0] ?? open($0) }
    rest = try recipe.rest.map { try indices[$0] ?? open($0) }
    modelCount = checkpoints.count
    var importances: [Int: Int] = [:]
    var masks: [Int: Int] = [:]
    for (index, ingredient) in recipe.ingredients.enumerated() {
      if let path = ingredient.importance { importances[index] = try open(path) }
      if let path = ingredient.mask { masks[index] = try open(path) }
    }
    self.recipe = recipe
    self.checkpoints = checkpoints
    self.indices = indices
    self.importances = importances
    self.masks = masks
    stack = LayerStack(names: checkpoints[0].entries.map(\.name), prefix: recipe.layers)
  }

  /// Every tensor of the soup, in the first ingredient's order.
  /// - Throws: `MixError.Code.mismatch` with all differences, `MixError.Code.invalidRecipe`.
  func items() throws -> [Item] {
    if let slices = recipe.slices { return try sliced(slices) }
    let (names, problems) = sharedNames()
    guard problems.isEmpty else { throw mismatch(problems) }
    let depths = Dictionary(uniqueKeysWithValues: names.map { ($0, depth(of: $0)) })
    var items = try names.map { name in
      let part = Part(
        models: recipe.ingredients.indices.map { Part.Model(ingredient: $0, checkpoint: $0, tensor: name, slice: nil) },
        base: base, depth: depths[name] ?? 0, slice: nil)
      return try item(name, part)
    }
    if recipe.names == .intersection, let rest {
      let taken = Set(names)
      for entry in checkpoints[rest].entries where !taken.contains(entry.name) {
        items.append(
          Item(
            name: entry.name, dtype: entry.dtype.isFloatingPoint ? recipe.dtype ?? entry.dtype : entry.dtype,
            shape: entry.shape, sources: [MixPlan.Source(checkpoint: rest, info: entry)], method: UniformSoup()))
      }
    }
    return items
  }

  // MARK: - Names

  /// The names to mix, and what stands against it.
  private func sharedNames() -> (names: [String], problems: [MixError.Problem]) {
    let policy = recipe.names ?? .strict
    let reference = checkpoints[0]
    var problems: [MixError.Problem] = []
    var excluded: Set<String> = []
    var added: [String] = []
    var known = Set(reference.entries.map(\.name))
    var seen: Set<ObjectIdentifier> = [ObjectIdentifier(reference)]
    // A checkpoint that only gives the rest may have anything.
    let compared = checkpoints[..<modelCount].indices.filter {
      $0 != rest || $0 < recipe.ingredients.count || $0 == base
    }
    var owner: [String: TensorInfo] = [:]
    for entry in reference.entries { owner[entry.name] = entry }
    for index in compared where seen.insert(ObjectIdentifier(checkpoints[index])).inserted {
      let other = checkpoints[index]
      for expected in reference.entries where other.entry(expected.name) == nil {
        switch policy {
        case .strict: problems.append(.missing(file: other.path, tensor: expected.name))
        case .intersection: excluded.insert(expected.name)
        case .union: break
        }
      }
      for found in other.entries {
        guard let expected = owner[found.name] else {
          switch policy {
          case .strict: problems.append(.unexpected(file: other.path, tensor: found.name))
          case .intersection: break
          case .union:
            owner[found.name] = found
            if known.insert(found.name).inserted { added.append(found.name) }
          }
          continue
        }
        let bothFloat = found.dtype.isFloatingPoint && expected.dtype.isFloatingPoint
        guard found.shape != expected.shape || (found.dtype != expected.dtype && !bothFloat) else { continue }
        if policy == .intersection {
          excluded.insert(found.name)
          continue
        }
        if found.shape != expected.shape {
          problems.append(
            .shape(file: other.path, tensor: found.name, expected: expected.shape, found: found.shape))
        }
        if found.dtype != expected.dtype, !bothFloat {
          problems.append(
            .dtype(file: other.path, tensor: found.name, expected: expected.dtype.name, found: found.dtype.name))
        }
      }
    }
    let names = reference.entries.map(\.name).filter { !excluded.contains($0) } + added
    // Importances and masks must have every floating-point tensor that is mixed.
    for index in checkpoints.indices.dropFirst(modelCount) {
      for name in names {
        guard let expected = owner[name], expected.dtype.isFloatingPoint else { continue }
        guard let found = checkpoints[index].entry(name) else {
          problems.append(.missing(file: checkpoints[index].path, tensor: name))
          continue
        }
        if found.shape != expected.shape {
          problems.append(
            .shape(file: checkpoints[index].path, tensor: name, expected: expected.shape, found: found.shape))
        }
      }
    }
    return (names, problems)
  }

  private func mismatch(_ problems: [MixError.Problem]) -> MixError {
    let files = Set(problems.map(\.file)).count
    return MixError(
      .mismatch,
      "\(files) of \(recipe.ingredients.count) ingredients cannot be mixed with the first one, "
        + "'\(checkpoints[0].path)' (\(problems.count) difference\(problems.count == 1 ? "" : "s")):",
      problems: problems)
  }

  /// 0 for the first layer and what is outside the layers, 1 for the last.
  private func depth(of name: String) -> Double {
    guard let stack, let (layer, _) = stack.layer(of: name) else { return 0 }
    return stack.count > 1 ? Double(layer) / Double(stack.count - 1) : 1
  }

  // MARK: - One tensor

  /// What one tensor is made of.
  private struct Part {
    struct Model {
      let ingredient: Int?
      let checkpoint: Int
      let tensor: String
      let slice: Slice.Source?
    }

    let models: [Model]
    let base: Int?
    let depth: Double
    let slice: Slice?
  }

  private func item(_ name: String, _ part: Part) throws -> Item {
    var sources: [MixPlan.Source] = []
    var models: [Part.Model] = []
    for model in part.models {
      guard let info = checkpoints[model.checkpoint].entry(model.tensor) else { continue }
      sources.append(MixPlan.Source(checkpoint: model.checkpoint, info: info))
      models.append(model)
    }
    let modelIndices = Array(models.indices)
    var base = part.base.flatMap { base in
      models.firstIndex { $0.checkpoint == base || checkpoints[$0.checkpoint] === checkpoints[base] }
    }
    if base == nil, let index = part.base, let tensor = part.models.first?.tensor,
      let info = checkpoints[index].entry(tensor)
    {
      base = sources.count
      sources.append(MixPlan.Source(checkpoint: index, info: info))
      models.append(Part.Model(ingredient: nil, checkpoint: index, tensor: tensor, slice: nil))
    }
    guard let first = sources.first else { throw MixError(.invalidRecipe, "no ingredient has the tensor '\(name)'") }
    for source in sources where source.info.shape != first.info.shape {
      throw MixError(
        .mismatch, "the sources of '\(name)' have different shapes",
        problems: [
          .shape(
            file: checkpoints[source.checkpoint].path, tensor: source.info.name, expected: first.info.shape,
            found: source.info.shape)
        ])
    }
    let modelSources = sources
    var held: (importances: [Int: Int], masks: [Int: Int]) = ([:], [:])
    for (index, model) in models.enumerated() {
      guard let ingredient = model.ingredient else { continue }
      guard first.info.dtype.isFloatingPoint else {
        // Integers are copied: their importance is not read, but it counts as given.
        if importances[ingredient] != nil { held.importances[index] = index }
        continue
      }
      if let file = importances[ingredient], let info = checkpoints[file].entry(model.tensor) {
        held.importances[index] = sources.count
        sources.append(MixPlan.Source(checkpoint: file, info: info))
      }
      if let file = masks[ingredient], let info = checkpoints[file].entry(model.tensor) {
        held.masks[index] = sources.count
        sources.append(MixPlan.Source(checkpoint: file, info: info))
      }
    }
    let useBase = recipe.usesBase
    let request = (
      models: useBase == .ordinary && base != nil && !modelIndices.contains(base ?? 0)
        ? modelIndices + [base ?? 0] : modelIndices, base: base
    )
    let method = try method(
      name, part, models: models, sources: sources, indices: request.models, base: request.base, held: held)
    let dtypes = modelSources.map(\.info)
    return Item(
      name: name, dtype: Self.outputDType(dtypes, wanted: recipe.dtype), shape: first.info.shape, sources: sources,
      method: method)
  }

  private func method(
    _ tensor: String, _ part: Part, models: [Part.Model], sources: [MixPlan.Source], indices: [Int], base: Int?,
    held: (importances: [Int: Int], masks: [Int: Int])
  ) throws(MixError) -> any MergeMethod {
    // Integers are copied, and need no numbers; but which ingredient's depends on the method.
    if let policy = recipe.runningStatistics, policy != .mixed, Self.isRunningStatistic(tensor) {
      switch policy {
      case .averaged:
        let chosen = indices.filter { $0 != base || recipe.usesBase == .ordinary }
        return try WeightedSoup(weights: sources.indices.map { chosen.contains($0) ? 1 : 0 })
      default: return try WeightedSoup(weights: sources.indices.map { $0 == (base ?? 0) ? 1 : 0 })
      }
    }
    switch recipe.method {
    case .uniform:
      return UniformSoup()
    case .weighted(let normalize):
      let weights = models.map { $0.ingredient.flatMap { recipe.ingredients[$0].weight } ?? 1 }
      return try WeightedSoup(weights: weights, normalize: normalize)
    case .interpolate(let alpha):
      guard recipe.ingredients.count == 2 else {
        throw MixError(.invalidRecipe, "interpolation takes two ingredients, not \(recipe.ingredients.count)")
      }
      return models.count == 2 ? try Interpolation(alpha: alpha) : UniformSoup()
    case .named(let name):
      let specification = Dictionary(
        name.parameters.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
      let request = MethodRequest(
        name: name, models: indices, base: base, importances: held.importances, masks: held.masks,
        compatibility: recipe.compatibility
      ) { (parameter, model) throws(MixError) in
        let standard = specification[parameter]?.standard
        let chosen = model.map { models[$0] }
        let found = value(
          parameter, of: chosen, tensor: tensor, input: chosen?.tensor ?? tensor, depth: part.depth, slice: part.slice)
        if let result = found ?? standard { return result }
        throw MixError(
          .invalidRecipe,
          "\(name.rawValue) needs '\(parameter)'"
            + (chosen.map { " for '\(checkpoints[$0.checkpoint].path)'" } ?? "") + " (tensor '\(tensor)')")
      }
      return try request.make()
    }
  }

  /// The first that is given: in the slice's source, the ingredient, the slice, the recipe.
  private func value(
    _ parameter: String, of model: Part.Model?, tensor: String, input: String, depth: Double, slice: Slice?
  ) -> Double? {
    if let model {
      if let found = model.slice?.parameters?[parameter]?.value(for: input, at: depth) { return found }
      if let ingredient = model.ingredient {
        let own = recipe.ingredients[ingredient]
        if let found = own.parameters?[parameter]?.value(for: input, at: depth) { return found }
        if parameter == "weight", let weight = own.weight { return weight }
      }
    }
    return slice?.parameters?[parameter]?.value(for: model == nil ? tensor : input, at: depth)
      ?? recipe.parameters?[parameter]?.value(for: model == nil ? tensor : input, at: depth)
  }

  static func isRunningStatistic(_ name: String) -> Bool {
    name.hasSuffix("running_mean") || name.hasSuffix("running_var")
  }

  /// The wanted dtype for floats, else the smallest that holds all ingredients' values exactly.
  private static func outputDType(_ sources: [TensorInfo], wanted: DType?) -> DType {
    let first = sources[0].dtype
    guard first.isFloatingPoint else { return first }
    return wanted ?? sources.dropFirst().reduce(first) { common($0, $1.dtype) }
  }

  private static func common(_ a: DType, _ b: DType) -> DType {
    if a == b { return a }
    // Every wider float holds the values of every narrower one; two kinds of one width need the next.
    if a.size != b.size { return a.size > b.size ? a : b }
    return a.size == 1 ? .float16 : .float32
  }

  // MARK: - Slices

  private func sliced(_ slices: [Slice]) throws -> [Item] {
    guard let first = slices.first, let last = slices.last else {
      throw MixError(.invalidRecipe, "'slices' is empty; give at least one")
    }
    var items: [Item] = []
    var offset = 0
    var outside: Set<String> = []
    var after: [Item] = []
    for (number, slice) in slices.enumerated() {
      guard let reference = slice.sources.first else {
        throw MixError(.invalidRecipe, "slice \(number + 1) has no sources")
      }
      let length = reference.end - reference.start
      guard length > 0, slice.sources.allSatisfy({ $0.end - $0.start == length && $0.start >= 0 }) else {
        throw MixError(
          .invalidRecipe, "slice \(number + 1): the layer ranges of its sources must all be of one length, at least 1")
      }
      let leading = try index(reference.path)
      guard let stack = LayerStack(names: checkpoints[leading].entries.map(\.name), prefix: recipe.layers) else {
        throw MixError(
          .invalidRecipe, "'\(reference.path)' has no numbered layers; name them with 'layers:', such as model.layers")
      }
      for source in slice.sources {
        let own = LayerStack(names: checkpoints[try index(source.path)].entries.map(\.name), prefix: stack.prefix)
        guard let own, source.end <= own.count else {
          throw MixError(
            .invalidRecipe,
            "slice \(number + 1): '\(source.path)' has \(own?.count ?? 0) layers under '\(stack.prefix)', but layers "
              + "\(source.start) to \(source.end - 1) are wanted")
        }
      }
      for entry in checkpoints[leading].entries {
        guard let (layer, rest) = stack.layer(of: entry.name) else {
          // Tensors before the layers are made of the first slice's sources, those behind of the last one's.
          let isFirst = LayerStack.comesFirst(entry.name)
          guard slice == (isFirst ? first : last), number == (isFirst ? 0 : slices.count - 1),
            outside.insert(entry.name).inserted
          else { continue }
          let part = try part(slice, depth: 0) { _ in entry.name }
          if isFirst { items.append(try item(entry.name, part)) } else { after.append(try item(entry.name, part)) }
          continue
        }
        guard layer >= reference.start, layer < reference.end else { continue }
        let place = layer - reference.start
        let depth = length > 1 ? Double(place) / Double(length - 1) : 1
        let part = try part(slice, depth: depth) { stack.name(rest, in: $0.start + place) }
        items.append(try item(stack.name(rest, in: offset + place), part))
      }
      offset += length
    }
    return items + after
  }

  private func part(_ slice: Slice, depth: Double, name: (Slice.Source) -> String) throws -> Part {
    let models = try slice.sources.map { source in
      let index = try index(source.path)
      let tensor = name(source)
      guard checkpoints[index].entry(tensor) != nil else {
        throw MixError(
          .mismatch, "a slice needs a tensor that an ingredient does not have",
          problems: [.missing(file: source.path, tensor: tensor)])
      }
      return Part.Model(
        ingredient: recipe.ingredients.firstIndex { $0.path == source.path }, checkpoint: index, tensor: tensor,
        slice: source)
    }
    let base = try (slice.base ?? recipe.base).map { try index($0) }
    if let base, recipe.usesBase != .ordinary, !models.contains(where: { $0.checkpoint == base }) {
      throw MixError(
        .invalidRecipe, "the base '\(checkpoints[base].path)' must be among the sources of every slice, with its layers"
      )
    }
    return Part(models: models, base: base, depth: depth, slice: slice)
  }

  private func index(_ path: String) throws(MixError) -> Int {
    guard let index = indices[path] else {
      throw MixError(.invalidRecipe, "a slice names '\(path)', which is not among the ingredients")
    }
    return index
  }
}

extension Recipe {
  /// What the base is to the method.
  var usesBase: MethodName.BaseUse { if case .named(let name) = method { name.usesBase } else { .ordinary } }
}

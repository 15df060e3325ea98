extension Recipe {
  /// Everything in the recipe itself that cannot work, whatever its files hold: parameters that the method does not have,
  /// values that make no sense, too many or too few models, a missing base. Empty if nothing is found.
  public func problems() -> [String] {
    var problems: [String] = []
    if ingredients.isEmpty { problems.append("a recipe needs at least one ingredient") }
    if let dtype, !dtype.isFloatingPoint {
      problems.append("a soup cannot be stored as \(dtype.name); name a floating-point dtype")
    }
    if rest != nil, names != .intersection {
      problems.append("the rest is taken from '\(rest ?? "")' only with names: intersection")
    }
    switch method {
    case .named(let name): problems += self.problems(of: name)
    case .uniform, .weighted: problems += withoutParameters
    case .interpolate:
      problems += withoutParameters
      if ingredients.count != 2, !ingredients.isEmpty {
        problems.append("interpolation takes two ingredients, not \(ingredients.count)")
      }
    }
    return problems
  }

  /// - Throws: `MixError.Code.invalidRecipe` with all problems.
  func validate() throws(MixError) {
    let problems = problems()
    guard let first = problems.first else { return }
    throw MixError(
      .invalidRecipe,
      problems.count == 1
        ? first : "the recipe has \(problems.count) problems:\n  " + problems.joined(separator: "\n  "))
  }

  /// All parameters that are given, with where; nil for the whole recipe.
  private var given: [(place: String?, settings: [String: Setting])] {
    var given: [(String?, [String: Setting])] = [(nil, parameters ?? [:])]
    given += ingredients.map { ($0.path, $0.parameters ?? [:]) }
    for slice in slices ?? [] {
      given.append((nil, slice.parameters ?? [:]))
      given += slice.sources.map { ($0.path, $0.parameters ?? [:]) }
    }
    return given
  }

  private var withoutParameters: [String] {
    let names = Set(given.flatMap(\.settings.keys)).sorted()
    return names.isEmpty ? [] : ["this method has no parameters, but these are given: \(names.joined(separator: ", "))"]
  }

  private func problems(of name: MethodName) -> [String] {
    var problems: [String] = []
    let known = Dictionary(name.parameters.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let unknown = Set(given.flatMap(\.settings.keys)).subtracting(known.keys).sorted()
    if !unknown.isEmpty { problems.append(name.refusal(of: unknown)) }
    var seen: Set<String> = []
    for (place, settings) in given {
      for (key, setting) in settings.sorted(by: { $0.key < $1.key }) {
        guard let parameter = known[key] else { continue }
        if let place, !parameter.isPerIngredient, seen.insert(key + place).inserted {
          problems.append("\(key) is one number for all models; it cannot be given for '\(place)' alone")
        }
        for value in setting.rules.flatMap(\.values) {
          guard let problem = parameter.problem(with: value), seen.insert(problem).inserted else { continue }
          problems.append(problem)
        }
      }
    }
    let weights = ingredients.compactMap(\.weight)
    if !weights.allSatisfy(\.isFinite) { problems.append("the weights \(weights) are not all finite numbers") }
    problems += fileProblems(name)
    // Slices say for themselves which models each layer has.
    if slices == nil { problems += modelProblems(name) }
    return problems
  }

  /// Files that the method needs, or would not read.
  private func fileProblems(_ name: MethodName) -> [String] {
    var problems: [String] = []
    if name.usesBase == .required, base == nil, slices?.contains(where: { $0.base != nil }) != true {
      problems.append("\(name.rawValue) needs a base model")
    }
    let withImportance = ingredients.filter { $0.importance != nil }
    if name == .fisher {
      for ingredient in ingredients where ingredient.importance == nil {
        problems.append("fisher needs an importance checkpoint for every model; '\(ingredient.path)' has none")
      }
    } else if let first = withImportance.first {
      problems.append("an importance is read by fisher only, but '\(first.path)' has one")
    }
    if !name.hasTaskVectors, let first = ingredients.first(where: { $0.mask != nil }) {
      let others = MethodName.allCases.filter(\.hasTaskVectors).map(\.rawValue).joined(separator: ", ")
      problems.append("a mask is read by \(others) only, but '\(first.path)' has one")
    }
    return problems
  }

  /// The number of models, and the numbers that each must have.
  private func modelProblems(_ name: MethodName) -> [String] {
    guard !ingredients.isEmpty else { return [] }
    var problems: [String] = []
    let others = ingredients.filter { $0.path != base }
    switch name {
    case .slerp, .nearswap:
      if base != nil, others.count != 1 {
        problems.append("\(name.rawValue) takes the base and one other model, not \(others.count)")
      }
    case .nuslerp:
      if others.count != 2 { problems.append("nuslerp takes two models besides the base, not \(others.count)") }
    case .modelStock:
      if others.count < 2 {
        problems.append(
          "model_stock takes a base and at least two models; here \(others.count == 1 ? "is" : "are") "
            + "\(others.count)")
      }
    case .passthrough:
      let count = others.count + (base == nil ? 0 : 1)
      if count != 1 {
        problems.append(
          "passthrough takes one model for each tensor, not \(count)" + (base == nil ? "" : "; a base counts as one"))
      }
    default: break
    }
    for parameter in name.parameters where parameter.standard == nil && parameters?[parameter.name] == nil {
      guard parameter.isPerIngredient else {
        problems.append("\(name.rawValue) needs '\(parameter.name)'")
        continue
      }
      let models = name.usesBase == .ordinary ? ingredients : others
      for model in models where model.parameters?[parameter.name] == nil {
        if parameter.name == "weight", model.weight != nil { continue }
        problems.append("\(name.rawValue) needs '\(parameter.name)' for '\(model.path)'")
      }
    }
    return problems
  }
}

extension MethodName {
  /// Whether it adds up sparsified differences from a base.
  package var hasTaskVectors: Bool {
    switch self {
    case .taskArithmetic, .ties, .dareLinear, .dareTies, .della, .dellaLinear, .breadcrumbs, .breadcrumbsTies: true
    default: false
    }
  }

  /// Says that it does not have these parameters, and which it has.
  package func refusal(of names: [String]) -> String {
    let known = parameters.map(\.name)
    return "\(rawValue) has no parameter \(names.joined(separator: ", ")); it has "
      + (known.isEmpty ? "none" : known.joined(separator: ", "))
  }
}

import Yams

extension Recipe {
  /// The recipe as YAML that `RecipeFile` reads: mergekit's grammar and our additions.
  ///
  /// Uniform, weighted and interpolated recipes become `linear` with the same numbers.
  /// - Parameter name: what later stages call it.
  public func yaml(name: String? = nil) throws -> String {
    var recipe = self
    recipe.method = .named(namedMethod(&recipe))
    guard case .named(let method) = recipe.method else { return "" }
    var lines: [(String, Node)] = (name.map { [("name", Node($0))] } ?? []) + [("merge_method", Node(method.rawValue))]
    if let base { lines.append(("base_model", Node(base))) }
    if let slices = recipe.slices {
      lines.append(("slices", .sequence(.init(slices.map { Self.node($0, method) }))))
    } else {
      lines.append(("models", .sequence(.init(recipe.ingredients.map { Self.node($0, method) }))))
    }
    if let node = Self.node(recipe.parameters, method) { lines.append(("parameters", node)) }
    if let dtype { lines.append(("out_dtype", Node(dtype.name))) }
    if let names { lines.append(("names", Node(names.rawValue))) }
    if let rest { lines.append(("rest", Node(rest))) }
    if let layers { lines.append(("layers", Node(layers))) }
    if let runningStatistics { lines.append(("running_statistics", Node(runningStatistics.rawValue))) }
    if let compatibility { lines.append(("compat", Node(compatibility.rawValue))) }
    return try Yams.serialize(node: Self.mapping(lines), allowUnicode: true)
  }

  /// The method's name; numbers that are not parameters yet become some.
  private func namedMethod(_ recipe: inout Recipe) -> MethodName {
    func setWeights(_ weights: [Double]) {
      for (index, weight) in weights.enumerated() { recipe.ingredients[index].parameters = ["weight": Setting(weight)] }
    }
    switch method {
    case .named(let name):
      for (index, ingredient) in recipe.ingredients.enumerated() {
        guard let weight = ingredient.weight, ingredient.parameters?["weight"] == nil else { continue }
        recipe.ingredients[index].parameters = (ingredient.parameters ?? [:]).merging(["weight": Setting(weight)]) {
          own, _ in own
        }
      }
      return name
    case .uniform:
      recipe.parameters = ["weight": 1]
    case .weighted(let normalize):
      setWeights(ingredients.map { $0.weight ?? 1 })
      if !normalize { recipe.parameters = ["normalize": 0] }
    case .interpolate(let alpha):
      setWeights([1 - alpha, alpha])
      recipe.parameters = ["normalize": 0]
    }
    return .linear
  }

  private static func node(_ ingredient: Ingredient, _ method: MethodName) -> Node {
    var lines: [(String, Node)] = [("model", Node(ingredient.path))]
    if let node = node(ingredient.parameters, method) { lines.append(("parameters", node)) }
    if let importance = ingredient.importance { lines.append(("importance", Node(importance))) }
    if let mask = ingredient.mask { lines.append(("mask", Node(mask))) }
    return mapping(lines)
  }

  private static func node(_ slice: Slice, _ method: MethodName) -> Node {
    let sources = slice.sources.map { source in
      var lines: [(String, Node)] = [("model", Node(source.path))]
      let ends = [source.start, source.end].map { Node("\($0)") }
      lines.append(("layer_range", .sequence(.init(ends, .implicit, .flow))))
      if let node = node(source.parameters, method) { lines.append(("parameters", node)) }
      return mapping(lines)
    }
    var lines: [(String, Node)] = [("sources", .sequence(.init(sources)))]
    if let base = slice.base { lines.append(("base_model", Node(base))) }
    if let node = node(slice.parameters, method) { lines.append(("parameters", node)) }
    return mapping(lines)
  }

  /// Parameters in the order in which the method lists them.
  private static func node(_ settings: [String: Setting]?, _ method: MethodName) -> Node? {
    guard let settings, !settings.isEmpty else { return nil }
    return mapping(
      method.parameters.compactMap { parameter in
        guard let setting = settings[parameter.name] else { return nil }
        func values(_ values: [Double]) -> Node {
          let nodes = values.map { value in
            Node(parameter.isFlag && (value == 0 || value == 1) ? (value == 1 ? "true" : "false") : value.brief)
          }
          return nodes.count == 1 ? nodes[0] : .sequence(.init(nodes, .implicit, .flow))
        }
        if setting.rules.count == 1, setting.rules[0].filter == nil {
          return (parameter.name, values(setting.rules[0].values))
        }
        let rules = setting.rules.map { rule in
          mapping((rule.filter.map { [("filter", Node($0))] } ?? []) + [("value", values(rule.values))])
        }
        return (parameter.name, .sequence(.init(rules)))
      })
  }

  private static func mapping(_ lines: [(String, Node)]) -> Node {
    .mapping(.init(lines.map { (Node($0.0), $0.1) }))
  }
}

/// A method's numbers for one tensor, as a recipe gives them.
struct MethodRequest {
  let name: MethodName
  /// The tensor's sources that are models, in recipe order; with the base where it is one of them.
  let models: [Int]
  /// The base among the tensor's sources.
  let base: Int?
  /// Sources that hold a model's importance or mask, by model.
  let importances: [Int: Int]
  let masks: [Int: Int]
  let compatibility: Recipe.Compatibility?
  /// Gives a parameter's value: of one model, or of all.
  let value: (_ parameter: String, _ model: Int?) throws(MixError) -> Double

  /// The models without the base.
  private var others: [Int] { models.filter { $0 != base } }

  func make() throws(MixError) -> any MergeMethod {
    switch name {
    case .linear: return try weighted(value("normalize", nil) != 0)
    case .slerp:
      let (first, second) = try pair()
      return Slerp(from: first, to: second, t: try value("t", nil))
    case .nearswap:
      let (first, second) = try pair()
      return try NearSwap(base: first, other: second, t: value("t", nil))
    case .nuslerp:
      guard others.count == 2 else {
        throw MixError(.invalidRecipe, "nuslerp takes two models besides the base, not \(others.count)")
      }
      let flatten = try value("nuslerp_flatten", nil) != 0
      let extent: VectorExtent = try flatten ? .tensor : value("nuslerp_row_wise", nil) != 0 ? .columns : .rows
      return NuSlerp(
        members: (others[0], others[1]), weights: (try value("weight", others[0]), try value("weight", others[1])),
        base: base, extent: extent)
    case .multislerp:
      return try MultiSlerp(
        members: others, weights: values("weight", others), base: base,
        normalize: value("normalize_weights", nil) != 0, epsilon: value("eps", nil))
    case .karcher:
      return Karcher(members: models, maximumIterations: try whole("max_iter"), tolerance: try value("tol", nil))
    case .modelStock:
      let extent: VectorExtent = try value("filter_wise", nil) != 0 ? .rows : .tensor
      return try ModelStock(members: others, base: requiredBase(), extent: extent)
    case .sce: return try SCE(members: others, base: requiredBase(), topK: value("select_topk", nil))
    case .passthrough:
      guard models.count == 1 else {
        throw MixError(
          .invalidRecipe,
          "passthrough takes one model for each tensor, not \(models.count)"
            + (base == nil ? "" : "; a base counts as one"))
      }
      return try Passthrough(scale: value("scale", models[0]))
    case .fisher:
      let held = models.compactMap { importances[$0] }
      guard held.count == models.count else {
        throw MixError(.invalidRecipe, "fisher needs an importance checkpoint for every model; give 'importance:'")
      }
      return try FisherWeighted(members: models, importances: held, weights: values("weight", models))
    case .median: return try TrimmedMean(members: models, trim: 0.5)
    case .trimmedMean: return try TrimmedMean(members: models, trim: value("trim", nil))
    case .ema:
      return try placed(OrderedAverages.exponential(count: models.count, decay: value("decay", nil)))
    case .lawa: return try placed(OrderedAverages.latest(count: models.count, window: whole("window")))
    case .taskArithmetic, .ties, .dareLinear, .dareTies, .della, .dellaLinear, .breadcrumbs, .breadcrumbsTies:
      return try taskVectors()
    }
  }

  private func taskVectors() throws(MixError) -> any MergeMethod {
    let base = try requiredBase()
    var terms: [TaskVectorMerge.Term] = []
    for model in others {
      terms.append(.init(model, weight: try value("weight", model), sparsifier: try sparsifier(model)))
    }
    let (scale, normalize) = (try value("lambda", nil), try value("normalize", nil) != 0)
    let rescaling: Rescaling =
      try value("rescale", nil) == 0 ? .none : compatibility == .mergekit ? .norm : .expectation
    switch name {
    case .ties:
      return try TIES(base: base, terms: terms, scale: scale, normalize: normalize, rescaling: rescaling)
    case .dareLinear, .dareTies:
      return try DARE(
        base: base, terms: terms, elects: name == .dareTies, scale: scale, normalize: normalize,
        rescaling: rescaling, seed: UInt64(try whole("seed")))
    case .della, .dellaLinear:
      return try DELLA(
        base: base, terms: terms, elects: name == .della, scale: scale, normalize: normalize, rescaling: rescaling,
        seed: UInt64(try whole("seed")))
    case .breadcrumbs, .breadcrumbsTies:
      return try Breadcrumbs(
        base: base, terms: terms, elects: name == .breadcrumbsTies, scale: scale, normalize: normalize,
        rescaling: rescaling)
    default: return try TaskArithmetic(base: base, terms: terms, scale: scale, normalize: normalize)
    }
  }

  private func sparsifier(_ model: Int) throws(MixError) -> Sparsifier {
    if let mask = masks[model] { return .mask(ingredient: mask) }
    switch name {
    case .ties: return .magnitude(density: try value("density", model))
    case .dareLinear, .dareTies: return .random(density: try value("density", model))
    case .della, .dellaLinear:
      return .rankedRandom(density: try value("density", model), epsilon: try value("epsilon", model))
    case .breadcrumbs, .breadcrumbsTies:
      return .outliers(
        density: try value("density", model), gamma: try value("gamma", model), zeroing: compatibility == .mergekit)
    default: return .none
    }
  }

  private func weighted(_ normalize: Bool) throws(MixError) -> any MergeMethod {
    try placed(WeightedSoup(weights: values("weight", models), normalize: normalize))
  }

  /// Weights of the models, at the places that these have among the sources.
  private func placed(_ soup: WeightedSoup) throws(MixError) -> WeightedSoup {
    guard models != Array(models.indices) else { return soup }
    var weights = Array(repeating: 0.0, count: (models.max() ?? 0) + 1)
    for (model, weight) in zip(models, soup.weights) { weights[model] = weight / soup.divisor }
    return try WeightedSoup(weights: weights, normalize: false)
  }

  private func values(_ name: String, _ models: [Int]) throws(MixError) -> [Double] {
    var result: [Double] = []
    for model in models { result.append(try value(name, model)) }
    return result
  }

  private func whole(_ name: String) throws(MixError) -> Int {
    let number = try value(name, nil)
    guard let integer = Int(exactly: number), integer >= 0 else {
      throw MixError(.invalidRecipe, "\(name) is \(number); it must be a whole number")
    }
    return integer
  }

  private func requiredBase() throws(MixError) -> Int {
    guard let base else { throw MixError(.invalidRecipe, "\(name.rawValue) needs a base model") }
    return base
  }

  /// The base and the one other model.
  private func pair() throws(MixError) -> (Int, Int) {
    let base = try requiredBase()
    guard others.count == 1 else {
      throw MixError(.invalidRecipe, "\(name.rawValue) takes the base and one other model, not \(others.count)")
    }
    return (base, others[0])
  }
}

/// The merge methods that a recipe can name, spelt as in mergekit where it has them.
public enum MethodName: String, Codable, Sendable, CaseIterable {
  case linear, slerp, nuslerp, multislerp, karcher
  case taskArithmetic = "task_arithmetic"
  case ties
  case dareLinear = "dare_linear"
  case dareTies = "dare_ties"
  case dellaLinear = "della_linear"
  case della
  case breadcrumbs
  case breadcrumbsTies = "breadcrumbs_ties"
  case sce
  case modelStock = "model_stock"
  case nearswap, passthrough, fisher, median
  case trimmedMean = "trimmed_mean"
  case ema, lawa

  /// A parameter of a method.
  public struct Parameter: Sendable, Hashable {
    public let name: String
    /// Whether each ingredient has its own value; it may still be given once for all.
    public let isPerIngredient: Bool
    /// Used where no value is given; nil if one must be.
    public let standard: Double?
    /// Whether it is true or false, 1 or 0.
    public let isFlag: Bool
    /// The values that make sense.
    public let allowed: ClosedRange<Double>
    /// Whether only whole numbers do.
    public let isWhole: Bool

    static let any = -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
    static let notNegative = 0...Double.greatestFiniteMagnitude

    init(
      name: String, isPerIngredient: Bool, standard: Double?, isFlag: Bool = false,
      allowed: ClosedRange<Double> = Parameter.any, isWhole: Bool = false
    ) {
      self.name = name
      self.isPerIngredient = isPerIngredient
      self.standard = standard
      self.isFlag = isFlag
      self.allowed = allowed
      self.isWhole = isWhole
    }

    /// What is wrong with a value, such as `density is -1; it must be 0 or more`; nil if nothing.
    package func problem(with value: Double) -> String? {
      if value.isFinite, allowed.contains(value), !isWhole || value == value.rounded() { return nil }
      let kind = isWhole ? "a whole number" : "a finite number"
      let bounds =
        switch (allowed.lowerBound, allowed.upperBound) {
        case (let low, let high) where low < -1e300 && high > 1e300: kind
        case (let low, let high) where high > 1e300: (isWhole ? kind + ", " : "") + "\(low.brief) or more"
        case (let low, let high): (isWhole ? kind + " " : "") + "from \(low.brief) to \(high.brief)"
        }
      return "\(name) is \(value.brief); it must be \(bounds)"
    }
  }

  public var parameters: [Parameter] {
    func each(
      _ name: String, _ standard: Double?, _ allowed: ClosedRange<Double> = Parameter.any
    ) -> Parameter {
      Parameter(name: name, isPerIngredient: true, standard: standard, allowed: allowed)
    }
    func one(
      _ name: String, _ standard: Double?, _ allowed: ClosedRange<Double> = Parameter.any, isWhole: Bool = false
    ) -> Parameter {
      Parameter(name: name, isPerIngredient: false, standard: standard, allowed: allowed, isWhole: isWhole)
    }
    func flag(_ name: String, _ standard: Bool) -> Parameter {
      Parameter(name: name, isPerIngredient: false, standard: standard ? 1 : 0, isFlag: true)
    }
    func family(normalize: Bool, rescale: Bool, _ more: [Parameter]) -> [Parameter] {
      [each("weight", nil)] + more + [
        flag("normalize", normalize), flag("rescale", rescale), one("lambda", 1), flag("int8_mask", false),
      ]
    }
    let density = each("density", 1, Parameter.notNegative)
    let seed = one("seed", 0, 0...0x1p53, isWhole: true)
    let epsilon = each("epsilon", 0.15, 0...0.5)
    switch self {
    case .linear: return [each("weight", nil), flag("normalize", true)]
    case .slerp: return [one("t", nil)]
    case .nearswap: return [one("t", nil, Parameter.notNegative)]
    case .nuslerp: return [each("weight", nil), flag("nuslerp_flatten", true), flag("nuslerp_row_wise", false)]
    case .multislerp:
      return [each("weight", nil), flag("normalize_weights", true), one("eps", 1e-8, Parameter.notNegative)]
    case .karcher: return [one("max_iter", 10, 0...1e6, isWhole: true), one("tol", 1e-5, Parameter.notNegative)]
    case .taskArithmetic: return family(normalize: false, rescale: false, [])
    case .ties: return family(normalize: true, rescale: false, [density])
    case .dareLinear, .dareTies: return family(normalize: false, rescale: true, [density, seed])
    case .della: return family(normalize: true, rescale: true, [density, epsilon, seed])
    case .dellaLinear: return family(normalize: false, rescale: true, [density, epsilon, seed])
    case .breadcrumbs, .breadcrumbsTies:
      return family(normalize: false, rescale: false, [density, each("gamma", 0.01, 0...1)])
    case .sce: return [one("select_topk", 1, 0...1), flag("int8_mask", false)]
    case .modelStock: return [flag("filter_wise", false)]
    case .passthrough: return [each("scale", 1)]
    case .fisher: return [each("weight", 1)]
    case .median: return []
    case .trimmedMean: return [one("trim", 0.2, 0...0.5)]
    case .ema: return [one("decay", 0.9, 0...1)]
    case .lawa: return [one("window", 6, 1...1e9, isWhole: true)]
    }
  }

  /// Whether the base is subtracted from the models, or plays another part of its own: it then need not be listed.
  package var usesBase: BaseUse {
    switch self {
    case .taskArithmetic, .ties, .dareLinear, .dareTies, .della, .dellaLinear, .breadcrumbs, .breadcrumbsTies, .sce,
      .modelStock, .slerp, .nearswap:
      .required
    case .nuslerp, .multislerp: .optional
    case .linear, .karcher, .passthrough, .fisher, .median, .trimmedMean, .ema, .lawa: .ordinary
    }
  }

  package enum BaseUse {
    case required, optional
    /// A base is one more ingredient.
    case ordinary
  }

  /// The name in any usual spelling: `task-arithmetic`, `TIES`, …
  public init?(parsing text: String) {
    let word = text.lowercased().replacing("-", with: "_")
    guard let name = Self(rawValue: word) ?? (word == "uniform" ? .linear : nil) else { return nil }
    self = name
  }
}

extension Double {
  /// The number as people write it: `3`, not `3.0`.
  package var brief: String {
    if magnitude < 1e15, self == rounded() { return String(Int(self)) }
    return "\(self)"
  }
}

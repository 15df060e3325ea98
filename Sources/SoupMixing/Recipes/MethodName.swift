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
  }

  public var parameters: [Parameter] {
    func each(_ name: String, _ standard: Double?) -> Parameter {
      Parameter(name: name, isPerIngredient: true, standard: standard, isFlag: false)
    }
    func one(_ name: String, _ standard: Double?) -> Parameter {
      Parameter(name: name, isPerIngredient: false, standard: standard, isFlag: false)
    }
    func flag(_ name: String, _ standard: Bool) -> Parameter {
      Parameter(name: name, isPerIngredient: false, standard: standard ? 1 : 0, isFlag: true)
    }
    func family(normalize: Bool, rescale: Bool, _ more: [Parameter]) -> [Parameter] {
      [each("weight", nil)] + more + [
        flag("normalize", normalize), flag("rescale", rescale), one("lambda", 1), flag("int8_mask", false),
      ]
    }
    let density = each("density", 1)
    let seed = one("seed", 0)
    switch self {
    case .linear: return [each("weight", nil), flag("normalize", true)]
    case .slerp, .nearswap: return [one("t", nil)]
    case .nuslerp: return [each("weight", nil), flag("nuslerp_flatten", true), flag("nuslerp_row_wise", false)]
    case .multislerp: return [each("weight", nil), flag("normalize_weights", true), one("eps", 1e-8)]
    case .karcher: return [one("max_iter", 10), one("tol", 1e-5)]
    case .taskArithmetic: return family(normalize: false, rescale: false, [])
    case .ties: return family(normalize: true, rescale: false, [density])
    case .dareLinear, .dareTies: return family(normalize: false, rescale: true, [density, seed])
    case .della: return family(normalize: true, rescale: true, [density, each("epsilon", 0.15), seed])
    case .dellaLinear: return family(normalize: false, rescale: true, [density, each("epsilon", 0.15), seed])
    case .breadcrumbs, .breadcrumbsTies:
      return family(normalize: false, rescale: false, [density, each("gamma", 0.01)])
    case .sce: return [one("select_topk", 1), flag("int8_mask", false)]
    case .modelStock: return [flag("filter_wise", false)]
    case .passthrough: return [each("scale", 1)]
    case .fisher: return [each("weight", 1)]
    case .median: return []
    case .trimmedMean: return [one("trim", 0.2)]
    case .ema: return [one("decay", 0.9)]
    case .lawa: return [one("window", 6)]
    }
  }

  /// Whether the base is subtracted from the models, or plays another part of its own: it then need not be listed.
  var usesBase: BaseUse {
    switch self {
    case .taskArithmetic, .ties, .dareLinear, .dareTies, .della, .dellaLinear, .breadcrumbs, .breadcrumbsTies, .sce,
      .modelStock, .slerp, .nearswap:
      .required
    case .nuslerp, .multislerp: .optional
    case .linear, .karcher, .passthrough, .fisher, .median, .trimmedMean, .ema, .lawa: .ordinary
    }
  }

  enum BaseUse {
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

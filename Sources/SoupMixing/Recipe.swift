import SoupTensors

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Says how ingredients become a soup. A value: it can be compared, hashed, stored as JSON, and scored.
///
/// ```swift
/// let soup = try Mixer().mix(.uniform(["a.safetensors", "b.safetensors"]))
/// ```
public struct Recipe: Codable, Sendable, Hashable {
  /// One checkpoint of a recipe.
  public struct Ingredient: Codable, Sendable, Hashable {
    /// The checkpoint file.
    public var path: String
    /// Its share; only methods with weights read it. Nil is 1.
    public var weight: Double?
    /// Its other numbers, such as `density`, by name; nil for none.
    public var parameters: [String: Setting]?
    /// A checkpoint of the same form that says how much each element matters; for `fisher`.
    public var importance: String?
    /// A checkpoint of the same form whose zeros leave elements of this one's task vector out.
    public var mask: String?

    public init(_ path: String, weight: Double? = nil, parameters: [String: Setting]? = nil) {
      self.path = path
      self.weight = weight
      self.parameters = parameters
    }
  }

  /// How the ingredients are mixed. See the type of the same name for each formula.
  public enum Method: Sendable, Hashable {
    /// `UniformSoup`.
    case uniform
    /// `WeightedSoup`; `normalize` divides by the sum of the weights.
    case weighted(normalize: Bool)
    /// `Interpolation` of two ingredients; `alpha` is the share of the second.
    case interpolate(alpha: Double)
    /// A method by name, with the numbers in `parameters`.
    case named(MethodName)
  }

  /// What becomes of tensors that not every ingredient has in the same shape.
  public enum NamePolicy: String, Codable, Sendable, CaseIterable {
    /// The mix is refused, with a list of all differences.
    case strict
    /// They are left out, or copied from the `rest` ingredient.
    case intersection
    /// Each is mixed from the ingredients that have it.
    case union
  }

  /// How batch norm's running means and variances are made.
  public enum StatisticsPolicy: String, Codable, Sendable, CaseIterable {
    /// Like weights.
    case mixed
    /// Their plain mean over the models, whatever the method.
    case averaged
    /// Copied from the ingredient that integer tensors come from: the base, or the first.
    case copied
  }

  /// Whose habits to follow where another program's differ from ours.
  public enum Compatibility: String, Codable, Sendable, CaseIterable {
    /// mergekit 0.1.5.
    case mergekit
  }

  /// In order; the first gives names, shapes and, where ingredients differ, integer values.
  public var ingredients: [Ingredient]
  public var method: Method
  /// Dtype of the soup's floating-point tensors; nil keeps each tensor's own.
  public var dtype: DType?
  /// The model that task vectors start from; it need not be among the ingredients.
  public var base: String?
  /// Numbers of the method, such as `lambda`, by name; and those of ingredients that have none of their own.
  public var parameters: [String: Setting]?
  /// Layers of the soup from layers of the ingredients; nil for each from the same one.
  public var slices: [Slice]?
  /// The name before a layer's number, such as `model.layers`; nil to find it.
  public var layers: String?
  /// Nil is `strict`.
  public var names: NamePolicy?
  /// The ingredient that tensors come from which are not mixed.
  public var rest: String?
  /// Nil is `mixed`.
  public var runningStatistics: StatisticsPolicy?
  public var compatibility: Compatibility?

  public init(_ ingredients: [Ingredient], method: Method, dtype: DType? = nil) {
    self.ingredients = ingredients
    self.method = method
    self.dtype = dtype
  }

  /// The mean of the given checkpoints.
  public static func uniform(_ paths: [String]) -> Recipe {
    Recipe(paths.map { Ingredient($0) }, method: .uniform)
  }

  /// The weighted mean of the given checkpoints, or with `normalize: false` their weighted sum.
  public static func weighted(_ ingredients: [(path: String, weight: Double)], normalize: Bool = true) -> Recipe {
    Recipe(ingredients.map { Ingredient($0.path, weight: $0.weight) }, method: .weighted(normalize: normalize))
  }

  /// `(1 - alpha) * a + alpha * b`.
  public static func interpolate(_ a: String, _ b: String, alpha: Double) -> Recipe {
    Recipe([Ingredient(a), Ingredient(b)], method: .interpolate(alpha: alpha))
  }

  /// One line of JSON with sorted keys, the same for equal recipes.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// Reads what `json()` wrote.
  public init(json: String) throws { self = try JSONDecoder().decode(Recipe.self, from: Data(json.utf8)) }

  /// A named method.
  public static func named(
    _ name: MethodName, _ ingredients: [Ingredient], base: String? = nil, parameters: [String: Setting]? = nil
  ) -> Recipe {
    var recipe = Recipe(ingredients, method: .named(name))
    recipe.base = base
    recipe.parameters = parameters
    return recipe
  }
}

extension Recipe.Method: Codable {
  private enum CodingKeys: String, CodingKey { case name, normalize, alpha }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    switch try container.decode(String.self, forKey: .name) {
    case "uniform": self = .uniform
    case "weighted": self = .weighted(normalize: try container.decodeIfPresent(Bool.self, forKey: .normalize) ?? true)
    case "interpolate": self = .interpolate(alpha: try container.decode(Double.self, forKey: .alpha))
    case let other:
      guard let name = MethodName(rawValue: other) else {
        throw MixError(
          .invalidRecipe,
          "unknown merge method '\(other)'; there are uniform, weighted, interpolate, "
            + MethodName.allCases.map(\.rawValue).joined(separator: ", "))
      }
      self = .named(name)
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    switch self {
    case .uniform: try container.encode("uniform", forKey: .name)
    case .weighted(let normalize):
      try container.encode("weighted", forKey: .name)
      try container.encode(normalize, forKey: .normalize)
    case .interpolate(let alpha):
      try container.encode("interpolate", forKey: .name)
      try container.encode(alpha, forKey: .alpha)
    case .named(let name): try container.encode(name.rawValue, forKey: .name)
    }
  }
}

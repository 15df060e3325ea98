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

    public init(_ path: String, weight: Double? = nil) {
      self.path = path
      self.weight = weight
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
  }

  /// In order; the first gives names, shapes and, where ingredients differ, integer values.
  public var ingredients: [Ingredient]
  public var method: Method
  /// Dtype of the soup's floating-point tensors; nil keeps each tensor's own.
  public var dtype: DType?

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

  /// The formula with its numbers.
  /// - Throws: `MixError.Code.invalidRecipe` if ingredients and method do not fit together.
  func mergeMethod() throws(MixError) -> any MergeMethod {
    guard !ingredients.isEmpty else { throw MixError(.invalidRecipe, "a recipe needs at least one ingredient") }
    switch method {
    case .uniform:
      return UniformSoup()
    case .weighted(let normalize):
      return try WeightedSoup(weights: ingredients.map { $0.weight ?? 1 }, normalize: normalize)
    case .interpolate(let alpha):
      guard ingredients.count == 2 else {
        throw MixError(.invalidRecipe, "interpolation takes two ingredients, not \(ingredients.count)")
      }
      return try Interpolation(alpha: alpha)
    }
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
      throw MixError(
        .invalidRecipe, "unknown merge method '\(other)'; there are uniform, weighted and interpolate")
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
    }
  }
}

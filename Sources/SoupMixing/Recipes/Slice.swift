/// Consecutive layers of a soup, made from as many layers of one or more ingredients.
public struct Slice: Codable, Sendable, Hashable {
  /// Layers of one ingredient.
  public struct Source: Codable, Sendable, Hashable {
    /// The ingredient, as in the recipe's list.
    public var path: String
    /// Number of the first layer.
    public var start: Int
    /// Number after the last layer's.
    public var end: Int
    /// Numbers for this source in this slice; they come before the ingredient's own.
    public var parameters: [String: Setting]?

    public init(_ path: String, _ layers: Range<Int>, parameters: [String: Setting]? = nil) {
      self.path = path
      start = layers.lowerBound
      end = layers.upperBound
      self.parameters = parameters
    }
  }

  public var sources: [Source]
  /// The base in this slice; nil for the recipe's.
  public var base: String?
  /// Numbers in this slice; they come before the recipe's.
  public var parameters: [String: Setting]?

  public init(_ sources: [Source], base: String? = nil, parameters: [String: Setting]? = nil) {
    self.sources = sources
    self.base = base
    self.parameters = parameters
  }
}

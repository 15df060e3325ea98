import Foundation

/// One flat JSON object with the names that people type, every option spelled out, so that a checkpoint stays readable when
/// defaults change: `{"architecture":"resnet20","channels":1,"classes":10,"image":28,"width":2}`.
extension ModelConfiguration: Codable {
  private enum Key: String, CodingKey { case architecture }

  public func encode(to encoder: any Encoder) throws {
    var name = encoder.container(keyedBy: Key.self)
    try name.encode(architecture, forKey: .architecture)
    var options = encoder.container(keyedBy: Option.self)
    try options.encode(classes, forKey: .classes)
    try options.encode(channels, forKey: .channels)
    try options.encode(imageSize, forKey: .image)
    if Option.width.applies(to: architecture) { try options.encode(width, forKey: .width) }
    guard let shape = transformer else { return }
    try options.encode(shape.patchSize, forKey: .patch)
    try options.encode(shape.dimension, forKey: .dim)
    try options.encode(shape.depth, forKey: .depth)
    try options.encode(shape.heads, forKey: .heads)
    try options.encode(shape.mlpRatio, forKey: .mlp)
    try options.encode(shape.pooling, forKey: .pool)
    try options.encode(shape.positions, forKey: .position)
    try options.encode(shape.epsilon, forKey: .eps)
  }

  /// Options that are not named keep their defaults.
  /// - Throws: `DecodingError` for another kind of value, `ModelError` for values that do not make a model.
  public init(from decoder: any Decoder) throws {
    let name = try decoder.container(keyedBy: Key.self).decode(String.self, forKey: .architecture)
    guard let architecture = Architecture(rawValue: name) else {
      throw ModelError(.unknownArchitecture, "this version knows no model '\(name)'; a newer one wrote this")
    }
    self.init(architecture)
    let options = try decoder.container(keyedBy: Option.self)
    classes = try options.decodeIfPresent(Int.self, forKey: .classes) ?? classes
    channels = try options.decodeIfPresent(Int.self, forKey: .channels) ?? channels
    imageSize = try options.decodeIfPresent(Int.self, forKey: .image) ?? imageSize
    width = try options.decodeIfPresent(Int.self, forKey: .width) ?? width
    if var shape = transformer {
      shape.patchSize = try options.decodeIfPresent(Int.self, forKey: .patch) ?? shape.patchSize
      shape.dimension = try options.decodeIfPresent(Int.self, forKey: .dim) ?? shape.dimension
      shape.depth = try options.decodeIfPresent(Int.self, forKey: .depth) ?? shape.depth
      shape.heads = try options.decodeIfPresent(Int.self, forKey: .heads) ?? shape.heads
      shape.mlpRatio = try options.decodeIfPresent(Double.self, forKey: .mlp) ?? shape.mlpRatio
      shape.pooling = try options.decodeIfPresent(TransformerShape.Pooling.self, forKey: .pool) ?? shape.pooling
      shape.positions =
        try options.decodeIfPresent(TransformerShape.Positions.self, forKey: .position) ?? shape.positions
      shape.epsilon = try options.decodeIfPresent(Double.self, forKey: .eps) ?? shape.epsilon
      transformer = shape
    }
    try validate()
  }

  /// The configuration as it stands in a checkpoint's metadata: compact JSON with sorted keys.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }

  /// The configuration recorded in a checkpoint's metadata, nil where there is none.
  public init?(metadata: [String: String]) throws {
    guard let json = metadata[Self.metadataKey] else { return nil }
    self = try JSONDecoder().decode(Self.self, from: Data(json.utf8))
  }
}

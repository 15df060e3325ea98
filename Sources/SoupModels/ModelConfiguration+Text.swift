/// The form people type: `resnet20`, `resnet20:width=2,channels=1,image=28`, `vit-tiny:patch=4,image=32,classes=10`.
extension ModelConfiguration: CustomStringConvertible {
  /// Reads a configuration. Spaces and case do not matter; options that are not named keep their defaults.
  /// - Parameters:
  ///   - text: `architecture[:option=value,…]`
  ///   - classes, channels, imageSize: defaults that replace the architecture's own, such as a dataset's
  /// - Throws: `ModelError` with what is allowed instead.
  public init(parsing text: String, classes: Int? = nil, channels: Int? = nil, imageSize: Int? = nil) throws {
    let halves = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map {
      $0.filter { !$0.isWhitespace }.lowercased()
    }
    guard let name = halves.first, let architecture = Architecture(rawValue: name) else {
      let known = Architecture.allCases.map(\.rawValue).joined(separator: ", ")
      throw ModelError(.unknownArchitecture, "no model is called '\(halves.first ?? text)'; there are \(known)")
    }
    self.init(architecture, classes: classes, channels: channels, imageSize: imageSize)
    var seen: Set<Option> = []
    for item in (halves.count > 1 ? halves[1] : "").split(separator: ",") {
      let pair = item.split(separator: "=", maxSplits: 1).map(String.init)
      let allowed = Option.allCases.filter { $0.applies(to: architecture) }
      guard pair.count == 2, let option = Option(rawValue: pair[0]), allowed.contains(option) else {
        let names = allowed.map(\.rawValue).joined(separator: ", ")
        throw ModelError(
          .unknownOption, "'\(item)' is no option of '\(name)'; write option=value with one of \(names)")
      }
      guard seen.insert(option).inserted else {
        throw ModelError(.unknownOption, "option '\(option.rawValue)' is given twice in '\(text)'")
      }
      guard option.set(pair[1], in: &self) else {
        throw ModelError(.invalidOption, "'\(item)': \(option.rawValue) is \(option.kind)")
      }
    }
    try validate()
  }

  /// The shortest text that `init(parsing:)` reads back to this configuration.
  public var description: String {
    let plain = ModelConfiguration(architecture)
    let options = Option.allCases.filter { $0.applies(to: architecture) && $0.text(in: self) != $0.text(in: plain) }
    guard !options.isEmpty else { return architecture.rawValue }
    return architecture.rawValue + ":" + options.map { "\($0.rawValue)=\($0.text(in: self))" }.joined(separator: ",")
  }
}

/// One option of a configuration: its name in text and in JSON, and how to read and write it.
enum Option: String, CaseIterable, CodingKey {
  case classes, channels, image, width, patch, dim, depth, heads, mlp, pool, position, eps

  func applies(to architecture: Architecture) -> Bool {
    switch (self, architecture.family) {
    case (.classes, _), (.channels, _), (.image, _), (.width, .he): true
    case (.width, _): false
    case (_, .transformer): true
    default: false
    }
  }

  /// What a value looks like, for error messages.
  var kind: String {
    switch self {
    case .mlp, .eps: "a number"
    case .pool: "one of " + TransformerShape.Pooling.allCases.map(\.rawValue).joined(separator: ", ")
    case .position: "one of " + TransformerShape.Positions.allCases.map(\.rawValue).joined(separator: ", ")
    default: "a whole number"
    }
  }

  func text(in c: ModelConfiguration) -> String {
    switch self {
    case .classes: String(c.classes)
    case .channels: String(c.channels)
    case .image: String(c.imageSize)
    case .width: String(c.width)
    case .patch: c.transformer.map { String($0.patchSize) } ?? ""
    case .dim: c.transformer.map { String($0.dimension) } ?? ""
    case .depth: c.transformer.map { String($0.depth) } ?? ""
    case .heads: c.transformer.map { String($0.heads) } ?? ""
    case .mlp: c.transformer.map { String($0.mlpRatio) } ?? ""
    case .pool: c.transformer?.pooling.rawValue ?? ""
    case .position: c.transformer?.positions.rawValue ?? ""
    case .eps: c.transformer.map { String($0.epsilon) } ?? ""
    }
  }

  /// Stores a value; false when the text is not of this option's kind.
  func set(_ text: String, in c: inout ModelConfiguration) -> Bool {
    func assign<Value>(_ value: Value?, _ path: WritableKeyPath<ModelConfiguration, Value>) -> Bool {
      guard let value else { return false }
      c[keyPath: path] = value
      return true
    }
    func assign<Value>(_ value: Value?, shape path: WritableKeyPath<TransformerShape, Value>) -> Bool {
      guard let value else { return false }
      c.transformer?[keyPath: path] = value
      return true
    }
    switch self {
    case .classes: return assign(Int(text), \.classes)
    case .channels: return assign(Int(text), \.channels)
    case .image: return assign(Int(text), \.imageSize)
    case .width: return assign(Int(text), \.width)
    case .patch: return assign(Int(text), shape: \.patchSize)
    case .dim: return assign(Int(text), shape: \.dimension)
    case .depth: return assign(Int(text), shape: \.depth)
    case .heads: return assign(Int(text), shape: \.heads)
    case .mlp: return assign(Double(text), shape: \.mlpRatio)
    case .pool: return assign(TransformerShape.Pooling(rawValue: text), shape: \.pooling)
    case .position: return assign(TransformerShape.Positions(rawValue: text), shape: \.positions)
    case .eps: return assign(Double(text), shape: \.epsilon)
    }
  }
}

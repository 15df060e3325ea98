/// A number of a recipe that may differ from tensor to tensor: by the tensor's name, and by the depth of its layer.
///
/// ```swift
/// let weight: Setting = [.init([0, 0.5, 1], filter: "attn"), .init(0.25)]
/// weight.value(for: "layers.7.attn.bias", at: 0.5)   // 0.5
/// ```
public struct Setting: Sendable, Hashable {
  /// Values for the tensors whose name contains a text.
  public struct Rule: Sendable, Hashable {
    /// Part of the tensor's name, case-sensitive; nil for all.
    public var filter: String?
    /// One value, or a gradient from the first layer to the last.
    public var values: [Double]

    public init(_ values: [Double], filter: String? = nil) {
      self.values = values
      self.filter = filter
    }

    public init(_ value: Double, filter: String? = nil) { self.init([value], filter: filter) }
  }

  /// The first rule that fits a tensor gives its value.
  public var rules: [Rule]

  public init(_ rules: [Rule]) { self.rules = rules }
  public init(_ value: Double) { rules = [Rule(value)] }

  /// The value for a tensor, or nil if no rule fits.
  /// - Parameter depth: 0 for the first layer, 1 for the last.
  public func value(for name: String, at depth: Double) -> Double? {
    for rule in rules {
      if let filter = rule.filter, filter != "*", !filter.isEmpty, !name.contains(filter) { continue }
      return Self.interpolate(rule.values, at: depth)
    }
    return nil
  }

  /// Straight lines through the values, which are spread evenly over 0…1.
  private static func interpolate(_ values: [Double], at depth: Double) -> Double? {
    guard let last = values.last else { return nil }
    let position = depth * Double(values.count - 1)
    let index = Int(position.rounded(.down))
    guard index >= 0 else { return values[0] }
    guard index + 1 < values.count else { return last }
    let share = position - Double(index)
    return share == 0 ? values[index] : (1 - share) * values[index] + share * values[index + 1]
  }
}

extension Setting: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
  public init(floatLiteral value: Double) { self.init(value) }
  public init(integerLiteral value: Int) { self.init(Double(value)) }
  public init(arrayLiteral rules: Rule...) { self.init(rules) }
}

extension Setting: Codable {
  private struct Stored: Codable {
    var filter: String?
    var value: Values
  }

  private enum Values: Codable {
    case one(Double)
    case several([Double])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let value = try? container.decode(Double.self) {
        self = .one(value)
      } else if let flag = try? container.decode(Bool.self) {
        self = .one(flag ? 1 : 0)
      } else {
        self = .several(try container.decode([Double].self))
      }
    }

    init(_ values: [Double]) { self = values.count == 1 ? .one(values[0]) : .several(values) }

    var all: [Double] {
      switch self {
      case .one(let value): [value]
      case .several(let values): values
      }
    }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      switch self {
      case .one(let value): try container.encode(value)
      case .several(let values): try container.encode(values)
      }
    }
  }

  /// A number, a list of numbers, or a list of `{"filter": …, "value": …}`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let values = try? container.decode(Values.self) {
      rules = [Rule(values.all)]
    } else {
      rules = try container.decode([Stored].self).map { Rule($0.value.all, filter: $0.filter) }
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if rules.count == 1, rules[0].filter == nil {
      try container.encode(Values(rules[0].values))
    } else {
      try container.encode(rules.map { Stored(filter: $0.filter, value: Values($0.values)) })
    }
  }
}

import Foundation
import SoupTensors

/// The value of a hyperparameter, or the space that it is drawn from.
///
/// | YAML | meaning |
/// |---|---|
/// | `lr: 0.1` | fixed, passed on as written |
/// | `lr: {choice: [0.01, 0.1]}` | one of them, equally likely; an element may itself be a space |
/// | `lr: {uniform: [0, 0.2]}` | uniform in `[low, high)` |
/// | `lr: {log-uniform: [0.001, 0.1]}` | `low · (high/low)^u`, `u` uniform in `[0, 1)` |
/// | `epochs: {integer: [4, 16]}` | a whole number, both ends included |
///
/// Draws have four significant digits. In a grid the last three need `points: n`, which divides the range evenly (by
/// ratio for `log-uniform`), both ends included.
public indirect enum Setting: Sendable, Hashable {
  /// As written; nil leaves the option out.
  case fixed(String?)
  /// An option without value: present or not.
  case flag(Bool)
  case choice([Setting])
  case uniform(low: Double, high: Double, points: Int?)
  case logUniform(low: Double, high: Double, points: Int?)
  case integer(low: Int, high: Int, points: Int?)

  /// A drawn or fixed value.
  public enum Value: Sendable, Hashable {
    case text(String)
    case flag(Bool)
    case absent
  }

  /// Draws a value.
  public func draw(_ generator: inout CounterGenerator) -> Value {
    switch self {
    case .fixed(let text): return text.map(Value.text) ?? .absent
    case .flag(let isSet): return .flag(isSet)
    case .choice(let options):
      let index = min(options.count - 1, Int(generator.uniform() * Double(options.count)))
      return options[index].draw(&generator)
    case .uniform(let low, let high, _): return .text(Self.text(low + (high - low) * generator.uniform()))
    case .logUniform(let low, let high, _): return .text(Self.text(low * pow(high / low, generator.uniform())))
    case .integer(let low, let high, _):
      return .text(String(low + min(high - low, Int(generator.uniform() * Double(high - low + 1)))))
    }
  }

  /// The values of the setting in a grid; nil where a range has no number of points.
  public var grid: [Value]? {
    switch self {
    case .fixed(let text): return [text.map(Value.text) ?? .absent]
    case .flag(let isSet): return [.flag(isSet)]
    case .choice(let options):
      let values = options.map(\.grid)
      return values.contains(nil) ? nil : values.flatMap { $0! }
    case .uniform(let low, let high, let points):
      return points.map { n in Self.positions(n).map { .text(Self.text(low + (high - low) * $0)) } }
    case .logUniform(let low, let high, let points):
      return points.map { n in Self.positions(n).map { .text(Self.text(low * pow(high / low, $0))) } }
    case .integer(let low, let high, let points):
      return points.map { n in
        Self.positions(n).map { .text(String(low + Int((Double(high - low) * $0).rounded()))) }
      }
    }
  }

  private static func positions(_ count: Int) -> [Double] {
    count == 1 ? [0.5] : (0..<count).map { Double($0) / Double(count - 1) }
  }

  /// Four significant digits, the shortest way to write them.
  static func text(_ value: Double) -> String {
    let rounded = Double(String(format: "%.4g", value)) ?? value
    return rounded == rounded.rounded() && abs(rounded) < 1e15 ? String(Int(rounded)) : "\(rounded)"
  }
}

/// Options of a command in the order of the file.
public struct Settings: Sendable, Hashable {
  public var items: [Item]

  public struct Item: Sendable, Hashable {
    public let name: String
    public let setting: Setting
  }

  public init(_ items: [Item] = []) { self.items = items }

  public subscript(name: String) -> Setting? { items.last { $0.name == name }?.setting }

  /// These, with those of `other` in place of equally named ones, and its further ones after them.
  public func merging(_ other: Settings) -> Settings {
    var result = items.map { item in other[item.name].map { Item(name: item.name, setting: $0) } ?? item }
    result += other.items.filter { self[$0.name] == nil }
    return Settings(result)
  }

  /// The names whose value is not fixed.
  public var varying: [String] {
    items.compactMap { item in
      switch item.setting {
      case .fixed, .flag: nil
      default: item.name
      }
    }
  }
}

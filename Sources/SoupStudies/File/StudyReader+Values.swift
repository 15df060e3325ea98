import Foundation
import Yams

// Settings, lists, names and numbers of a study, each refused with its line where it is none.
extension StudyReader {
  mutating func settings(_ node: Node, _ place: String, fixed: Bool) -> Settings {
    Settings(
      entries(node, place).map { key, value in
        if !key.isEmpty, key.allSatisfy({ $0.isLowercase || $0.isNumber || $0 == "-" }) {
        } else {
          problem(value, "\(place): '\(key)' is not an option; write it as on the command line, without the dashes")
        }
        return .init(name: key, setting: setting(value, "\(place).\(key)", fixed: fixed))
      })
  }

  mutating func setting(_ node: Node, _ place: String, fixed: Bool) -> Setting {
    switch node {
    case .scalar(let scalar):
      if node.null != nil, scalar.style == .plain { return .fixed(nil) }
      if scalar.style == .plain, let flag = node.bool, ["true", "false"].contains(scalar.string) { return .flag(flag) }
      return .fixed(scalar.string)
    case .sequence:
      return .fixed(strings(node, place).joined(separator: ","))
    case .mapping(let mapping):
      guard !fixed else {
        problem(node, "\(place): expected a value; only ingredients.settings are drawn")
        return .fixed(nil)
      }
      return space(mapping, node, place)
    default:
      problem(node, "\(place): aliases are not supported here")
      return .fixed(nil)
    }
  }

  mutating func space(_ mapping: Node.Mapping, _ node: Node, _ place: String) -> Setting {
    var space: (kind: String, value: Node)?
    var points: Int?
    for (key, value) in entries(node, place) {
      switch key {
      case "points": points = integer(value, "\(place).points", 1...10_000)
      case "choice", "uniform", "log-uniform", "integer":
        if space != nil { problem(value, "\(place): one space only") }
        space = (key, value)
      default: unknown(key, value, place, "choice, uniform, log-uniform, integer, points")
      }
    }
    guard let space else {
      problem(node, "\(place): needs one of choice, uniform, log-uniform, integer")
      return .fixed(nil)
    }
    guard case .sequence(let elements) = space.value else {
      problem(space.value, "\(place).\(space.kind): expected a list in brackets")
      return .fixed(nil)
    }
    if space.kind == "choice" {
      if elements.isEmpty { problem(space.value, "\(place).choice: nothing to choose from") }
      return .choice(elements.map { setting($0, "\(place).choice", fixed: false) })
    }
    let numbers = elements.compactMap { Double(text($0)) }
    guard elements.count == 2, numbers.count == 2, numbers[0] <= numbers[1], numbers.allSatisfy(\.isFinite) else {
      problem(space.value, "\(place).\(space.kind): expected [low, high]")
      return .fixed(nil)
    }
    switch space.kind {
    case "uniform": return .uniform(low: numbers[0], high: numbers[1], points: points)
    case "integer":
      guard let low = Int(exactly: numbers[0]), let high = Int(exactly: numbers[1]) else {
        problem(space.value, "\(place).integer: expected two whole numbers")
        return .fixed(nil)
      }
      return .integer(low: low, high: high, points: points)
    default:
      if numbers[0] <= 0 { problem(space.value, "\(place).log-uniform: both ends must be above 0") }
      return .logUniform(low: numbers[0], high: numbers[1], points: points)
    }
  }

  mutating func entries(_ node: Node, _ place: String) -> [(String, Node)] {
    guard case .mapping(let mapping) = node else {
      if node.null == nil { problem(node, "\(place): expected a mapping, found '\(text(node))'") }
      return []
    }
    return entries(mapping, place)
  }

  mutating func entries(_ mapping: Node.Mapping, _ place: String) -> [(String, Node)] {
    var seen: Set<String> = []
    var result: [(String, Node)] = []
    for (key, value) in mapping {
      guard let name = key.scalar?.string else {
        problem(key, "\(place): a key must be a word")
        continue
      }
      if !seen.insert(name).inserted { problem(key, "\(place): '\(name)' is there twice") }
      result.append((name, value))
    }
    return result
  }

  /// A mapping of names to options, or a list of names that need none.
  mutating func named(_ node: Node, _ place: String) -> [(String, Node?)] {
    if case .sequence(let items) = node {
      return items.compactMap { item in name(item, place).map { ($0, nil) } }
    }
    return entries(node, place).map { key, value in
      if !Self.isName(key) { problem(value, "\(place): '\(key)' is not a name: letters, digits, '.', '_' and '-'") }
      return (key, value.null != nil ? nil : value)
    }
  }

  mutating func scalar(_ node: Node, _ place: String) -> String? {
    if case .scalar(let scalar) = node { return scalar.string }
    problem(node, "\(place): expected one value")
    return nil
  }

  mutating func strings(_ node: Node, _ place: String, splitting: Bool = false) -> [String] {
    if case .sequence(let items) = node { return items.compactMap { scalar($0, place) } }
    let text = scalar(node, place)
    return splitting ? (text?.split(separator: " ").map(String.init) ?? []) : text.map { [$0] } ?? []
  }

  mutating func name(_ node: Node, _ place: String) -> String? {
    guard let text = scalar(node, place) else { return nil }
    guard Self.isName(text) else {
      problem(node, "\(place): '\(text)' is not a name: letters, digits, '.', '_' and '-'")
      return nil
    }
    return text
  }

  mutating func integer(_ node: Node, _ place: String, _ range: ClosedRange<Int>) -> Int? {
    guard let value = Int(text(node)), range.contains(value) else {
      problem(node, "\(place): expected a whole number from \(range.lowerBound), found '\(text(node))'")
      return nil
    }
    return value
  }

  mutating func flag(_ node: Node, _ place: String) -> Bool {
    if let value = node.bool { return value }
    problem(node, "\(place): expected true or false, found '\(text(node))'")
    return false
  }

  func text(_ node: Node) -> String { node.scalar?.string ?? "…" }

  static func isName(_ text: String) -> Bool {
    guard let first = text.first, first.isLetter || first.isNumber, text.count <= 80 else { return false }
    return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
  }
}

/// The numbered layers of a model, found in its tensors' names.
struct LayerStack: Sendable, Equatable {
  /// What comes before the number, without the dot: `model.layers`, `blocks`.
  let prefix: String
  /// Number of layers: one more than the largest number.
  let count: Int

  /// The stack under a prefix; or the one that holds most tensors, the first of those in name order. Nil if no name has
  /// a number among its parts.
  init?(names: some Sequence<String>, prefix wanted: String? = nil) {
    var found: [String: (layers: Set<Int>, tensors: Int)] = [:]
    for name in names {
      guard let (prefix, layer, _) = Self.split(name, prefix: wanted) else { continue }
      found[prefix, default: ([], 0)].layers.insert(layer)
      found[prefix]?.tensors += 1
    }
    let best = found.sorted { $0.key < $1.key }.max { $0.value.tensors < $1.value.tensors }
    guard let best, let last = best.value.layers.max() else { return nil }
    prefix = best.key
    count = last + 1
  }

  /// The layer a tensor belongs to, and the rest of its name behind the number, with the dot; nil outside the stack.
  func layer(of name: String) -> (layer: Int, rest: Substring)? {
    Self.split(name, prefix: prefix).map { ($0.layer, $0.rest) }
  }

  /// The name of the same tensor in another layer.
  func name(_ rest: Substring, in layer: Int) -> String { "\(prefix).\(layer)\(rest)" }

  /// Whether a tensor outside the stack comes before its layers: embeddings and the like. Others come after.
  static func comesFirst(_ name: String) -> Bool {
    let word = name.lowercased()
    return ["embed", "wte", "wpe", "cls_token", "reg_token", "stem", "conv1"].contains { word.contains($0) }
  }

  /// Splits at the first number, or at the one behind the given prefix.
  private static func split(_ name: String, prefix: String?) -> (prefix: String, layer: Int, rest: Substring)? {
    if let prefix {
      guard name.hasPrefix(prefix + ".") else { return nil }
      let tail = name.dropFirst(prefix.count + 1)
      let digits = tail.prefix { $0 != "." }
      guard let layer = number(digits) else { return nil }
      return (prefix, layer, tail.dropFirst(digits.count))
    }
    var start = name.startIndex
    while let dot = name[start...].firstIndex(of: ".") {
      if start > name.startIndex, let layer = number(name[start..<dot]) {
        return (String(name[..<name.index(before: start)]), layer, name[dot...])
      }
      start = name.index(after: dot)
    }
    return nil
  }

  private static func number(_ text: Substring) -> Int? {
    guard !text.isEmpty, text.count < 6, text.allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
    return Int(text)
  }
}

import SoupTensors

/// The `config.json` of a Hugging Face model: the few lines that a mix makes untrue are changed, all others are left as
/// they are, to the letter.
struct ModelSettings {
  let text: String

  init(_ text: String) { self.text = text }

  /// - Parameters:
  ///   - dtype: what the soup is stored in; nil for what its ingredients were.
  ///   - layers: how many it has; nil for as many.
  func changed(dtype: DType?, layers: Int?) -> String {
    var result = text
    if let dtype, dtype.size > 1 {
      for key in ["torch_dtype", "dtype"] { result = Self.replace(key, with: "\"\(dtype.name)\"", in: result) }
    }
    if let layers {
      for key in ["num_hidden_layers", "n_layer", "num_layers"] {
        result = Self.replace(key, with: String(layers), in: result)
      }
    }
    return result
  }

  /// The name of the library that loads the model: what its configuration looks like says it.
  var library: String? {
    if Self.value("architectures", in: text) != nil { return "transformers" }
    if Self.value("architecture", in: text) != nil { return "timm" }
    return Self.value("_class_name", in: text) == nil ? nil : "diffusers"
  }

  /// Where the model came from, if that is a name at Hugging Face.
  var origin: String? {
    guard let range = Self.value("_name_or_path", in: text) else { return nil }
    let value = text[range].dropFirst().dropLast()
    return ModelCard.isHubName(value) ? String(value) : nil
  }

  private static func replace(_ key: String, with value: String, in text: String) -> String {
    guard let range = Self.value(key, in: text) else { return text }
    return text.replacingCharacters(in: range, with: value)
  }

  /// Where the value of a key of the outermost object is: a string, a number or a word; of an object or a list the first
  /// character.
  private static func value(_ key: String, in text: String) -> Range<String.Index>? {
    var depth = 0
    var index = text.startIndex
    while index < text.endIndex {
      switch text[index] {
      case "{", "[": depth += 1
      case "}", "]": depth -= 1
      case "\"":
        let start = text.index(after: index)
        guard let end = endOfString(start, text) else { return nil }
        index = text.index(after: end)
        guard depth == 1, text[start..<end] == key else { continue }
        while index < text.endIndex, text[index].isWhitespace { index = text.index(after: index) }
        guard index < text.endIndex, text[index] == ":" else { continue }
        index = text.index(after: index)
        while index < text.endIndex, text[index].isWhitespace { index = text.index(after: index) }
        guard index < text.endIndex else { return nil }
        if text[index] == "\"" {
          return endOfString(text.index(after: index), text).map { index..<text.index(after: $0) }
        }
        var end2 = index
        while end2 < text.endIndex, !",}]".contains(text[end2]), !text[end2].isWhitespace {
          end2 = text.index(after: end2)
        }
        return index..<end2
      default: break
      }
      index = text.index(after: index)
    }
    return nil
  }

  /// The closing quotation mark of a string that begins there.
  private static func endOfString(_ start: String.Index, _ text: String) -> String.Index? {
    var index = start
    while index < text.endIndex, text[index] != "\"" {
      if text[index] == "\\" { index = text.index(after: index) }
      guard index < text.endIndex else { return nil }
      index = text.index(after: index)
    }
    return index < text.endIndex ? index : nil
  }
}

extension String {
  fileprivate func replacingCharacters(in range: Range<String.Index>, with text: String) -> String {
    var result = self
    result.replaceSubrange(range, with: text)
    return result
  }
}

/// Names for files and anchors.
enum Identifier {
  /// Lower-case letters, digits and single hyphens: `Layer-wise soup (β)` gives `layer-wise-soup`.
  static func make(_ text: String) -> String {
    var result = ""
    for character in text.lowercased() {
      if character.isASCII, character.isLetter || character.isNumber {
        result.append(character)
      } else if !result.isEmpty, result.last != "-" {
        result.append("-")
      }
    }
    while result.last == "-" { result.removeLast() }
    return result.isEmpty ? "unnamed" : String(result.prefix(60))
  }
}

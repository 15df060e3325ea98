/// Command lines as a shell reads them.
public enum ShellWords {
  public static func quote(_ word: String) -> String {
    let isPlain = word.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-./:=,@%+".contains($0)) }
    return isPlain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
  }

  public static func join(_ words: [String]) -> String { words.map(quote).joined(separator: " ") }
}

import Foundation

/// Values given on the command line in place of those of the file: other seeds and data sets of one study.
///
/// The text that results is the study's, and is kept in its folder as if it had been written so.
public struct StudyOverrides: Sendable, Hashable {
  /// The study's seed. Its name gets `-seed-N`, so that every seed has a folder of its own.
  public var seed: UInt64?
  /// By key, of those in `keys`.
  public var values: [String: String]

  /// What may be set: keys of the file with one value.
  public static let keys = ["seed", "name", "data", "retries", "workers"]

  public init(seed: UInt64? = nil, values: [String: String] = [:]) {
    self.seed = seed
    self.values = values
  }

  public var isEmpty: Bool { seed == nil && values.isEmpty }

  /// The text with the values in it.
  /// - Parameter name: the study's, as the text gives it.
  func applied(to text: String, name: String) -> String {
    var values = values
    if let seed {
      values["seed"] = String(seed)
      values["name"] = (values["name"] ?? name) + "-seed-\(seed)"
    }
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    for (key, value) in values.sorted(by: { $0.key < $1.key }) {
      let line = "\(key): \(Self.scalar(value))"
      if let place = lines.firstIndex(where: { $0.hasPrefix(key + ":") }) {
        lines[place] = line
      } else {
        if lines.last == "" { lines.removeLast() }
        lines += [line, ""]
      }
    }
    return lines.joined(separator: "\n")
  }

  /// Quoted where YAML could read something else.
  private static func scalar(_ value: String) -> String {
    let isPlain =
      !value.isEmpty && value.allSatisfy { $0.isLetter || $0.isNumber || "-_./:".contains($0) }
      && !value.hasSuffix(":") && !value.hasPrefix("-")
    return isPlain ? value : "'" + value.replacing("'", with: "''") + "'"
  }
}

extension StudyFile {
  /// Reads a study with values in place of the file's own.
  /// - Throws: `StudyError`, listing everything that is wrong.
  public init(contentsOf path: String, overrides: StudyOverrides) throws(StudyError) {
    let file = try StudyFile(contentsOf: path)
    if overrides.isEmpty {
      self = file
    } else {
      try self.init(yaml: overrides.applied(to: file.text, name: file.name), path: path, defaultName: file.name)
    }
  }
}

import Foundation

/// The classes that a model knows, in its order, and which folder means which of them.
public enum ClassList {
  /// Reads one class a line; what follows the first blank or comma is a description and left out unless the line is quoted.
  /// ImageNet's lists `n01440764 tench` and plain names both fit.
  /// - Throws: `DataError`, naming lines that repeat a class.
  public static func read(_ path: String) throws(DataError) -> [String] {
    var names: [String] = []
    var seen: Set<String> = []
    var repeated: [String] = []
    for line in try lines(of: path) {
      // A WordNet number, or the whole line.
      let first = line.split(whereSeparator: { " ,\t".contains($0) }).first.map(String.init) ?? line
      let isNumber = first.count == 9 && first.hasPrefix("n") && first.dropFirst().allSatisfy(\.isNumber)
      let name = isNumber ? first : line
      if !seen.insert(name).inserted { repeated.append(name) }
      names.append(name)
    }
    guard repeated.isEmpty, !names.isEmpty else {
      throw DataError(
        .damaged, file: path, names.isEmpty ? "names no class" : "names classes twice",
        found: names.isEmpty ? nil : ImageFolder.list(repeated))
    }
    return names
  }

  /// Reads lines `folder,class`: the class is a name in `classes` or a position in it. Several folders may mean one class.
  /// - Throws: `DataError`, naming every class that is not in the list.
  public static func mapping(_ path: String, classes: [String]) throws(DataError) -> [String: Int] {
    let positions = Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1, $0) })
    var mapping: [String: Int] = [:]
    var unknown: [String] = []
    for (number, line) in try lines(of: path).enumerated() {
      let separator: Character = line.contains("\t") ? "\t" : ","
      let parts = line.split(separator: separator, maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
      guard parts.count == 2 else {
        throw DataError(
          .damaged, file: path, "line \(number + 1) is no pair", expected: "folder,class", found: line)
      }
      if let label = positions[parts[1]] ?? Int(parts[1]).flatMap({ classes.indices.contains($0) ? $0 : nil }) {
        mapping[parts[0]] = label
      } else if number > 0 {
        // The first line may be a heading.
        unknown.append(parts[1])
      }
    }
    guard unknown.isEmpty else {
      throw DataError(
        .labelOutOfRange, file: path, "\(unknown.count) lines name classes that are not in the list of classes",
        found: ImageFolder.list(unknown))
    }
    return mapping
  }

  /// Lines without blanks at their ends; empty ones and those that begin with # left out.
  static func lines(of path: String) throws(DataError) -> [String] {
    let file = try RandomAccessFile(path)
    guard file.size <= 1 << 28 else {
      throw DataError(.tooLarge, file: path, "is too long for a list", found: "\(file.size) bytes")
    }
    return String(decoding: try file.bytes(in: 0..<file.size), as: UTF8.self).split(whereSeparator: \.isNewline)
      .map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty && !$0.hasPrefix("#") }
  }
}

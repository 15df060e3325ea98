import Foundation

/// A list of images and labels: CSV or TSV lines `path,label`, or JSON lines `{"path": …, "label": …}`.
///
/// Paths are relative to the list. A label is a class's name or its position; when every label is an integer from 0 and no class
/// list is given, classes are numbers, otherwise the names in the order of their bytes. A CSV file may begin with the heading
/// `path,label`; fields may be quoted.
public enum ImageManifest {
  /// - Throws: `DataError`, naming lines that make no sense.
  public static func read(_ path: String, classes: [String]? = nil) throws(DataError) -> ImageFiles {
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    var records: [(path: String, label: String)] = []
    var bad: [String] = []
    for (number, line) in try ClassList.lines(of: path).enumerated() {
      let record = line.hasPrefix("{") ? json(line) : fields(line)
      guard let record, !record.path.isEmpty, !record.label.isEmpty else {
        bad.append("line \(number + 1)")
        continue
      }
      if number == 0, ["path", "file", "image", "filename"].contains(record.path.lowercased()) { continue }
      records.append((record.path.hasPrefix("/") ? record.path : folder + "/" + record.path, record.label))
    }
    guard bad.isEmpty, !records.isEmpty else {
      throw DataError(
        .damaged, file: path, bad.isEmpty ? "lists no image" : "\(bad.count) lines are no pair of path and label",
        expected: "path,label or {\"path\": …, \"label\": …}", found: bad.isEmpty ? nil : ImageFolder.list(bad))
    }
    let numbers = records.map { Int($0.label) }
    let areNumbers = numbers.allSatisfy { $0 != nil && $0! >= 0 && $0! < 1 << 20 }
    let names =
      classes
      ?? (areNumbers
        ? (0...numbers.map { $0! }.max()!).map(String.init)
        : Set(records.map(\.label)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    let positions = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    var files: [ImageFile] = []
    var unknown: Set<String> = []
    for (record, number) in zip(records, numbers) {
      guard let label = positions[record.label] ?? (areNumbers ? number : nil), label < names.count else {
        unknown.insert(record.label)
        continue
      }
      files.append(ImageFile(path: record.path, label: label))
    }
    guard unknown.isEmpty else {
      throw DataError(
        .labelOutOfRange, file: path, "\(unknown.count) labels are not in the list of classes",
        found: ImageFolder.list(unknown.sorted()))
    }
    return try ImageFiles(name: "manifest \(path)", classNames: names, files: files)
  }

  private static func json(_ line: String) -> (path: String, label: String)? {
    struct Record: Decodable {
      var path: String
      var label: Label
      enum Label: Decodable {
        case number(Int)
        case name(String)
        init(from decoder: any Decoder) throws {
          let value = try decoder.singleValueContainer()
          if let number = try? value.decode(Int.self) {
            self = .number(number)
          } else {
            self = .name(try value.decode(String.self))
          }
        }
      }
    }
    guard let record = try? JSONDecoder().decode(Record.self, from: Data(line.utf8)) else { return nil }
    switch record.label {
    case .number(let number): return (record.path, String(number))
    case .name(let name): return (record.path, name)
    }
  }

  /// The first two fields; quoted ones may contain separators and doubled quotes.
  private static func fields(_ line: String) -> (path: String, label: String)? {
    let separator: Character = line.contains("\t") ? "\t" : ","
    var fields: [String] = [""]
    var isQuoted = false
    var previous: Character?
    for character in line {
      if character == "\"" {
        if !isQuoted, previous == "\"" { fields[fields.count - 1].append("\"") }
        isQuoted.toggle()
      } else if character == separator, !isQuoted {
        fields.append("")
      } else {
        fields[fields.count - 1].append(character)
      }
      previous = character
    }
    guard fields.count >= 2, !isQuoted else { return nil }
    return (fields[0].trimmingCharacters(in: .whitespaces), fields[1].trimmingCharacters(in: .whitespaces))
  }
}

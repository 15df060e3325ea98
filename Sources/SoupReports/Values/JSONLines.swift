import Foundation

/// Reads files of one JSON object a line. Empty lines are skipped; every line that is no object is reported.
public enum JSONLines {
  public static func read(_ path: String) throws(ReportError) -> [JSON] {
    try parse(try text(path), path: path)
  }

  static func text(_ path: String) throws(ReportError) -> String {
    let data: Data
    do {
      data = try Data(contentsOf: URL(filePath: path))
    } catch {
      throw ReportError(.file, path: path, ["cannot be read: \(reason(error))"])
    }
    guard let text = String(data: data, encoding: .utf8) else {
      throw ReportError(.format, path: path, ["is not UTF-8 text"], advice: "expected JSON lines")
    }
    return text
  }

  static func parse(_ text: String, path: String) throws(ReportError) -> [JSON] {
    var objects: [JSON] = []
    var problems: [String] = []
    for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
    where !line.allSatisfy(\.isWhitespace) {
      if let value = try? JSON(parsing: line), value.object != nil {
        objects.append(value)
      } else {
        problems.append("line \(index + 1) is no JSON object")
      }
    }
    guard problems.isEmpty else {
      throw ReportError(.format, path: path, problems, advice: "expected one JSON object a line")
    }
    return objects
  }

  static func reason(_ error: any Error) -> String {
    let outer = error as NSError
    if outer.domain == NSCocoaErrorDomain,
      [CocoaError.fileReadNoSuchFile.rawValue, CocoaError.fileNoSuchFile.rawValue].contains(outer.code)
    {
      return "No such file or directory"
    }
    guard let system = outer.userInfo[NSUnderlyingErrorKey] as? any Error else { return outer.localizedDescription }
    let inner = system as NSError
    return inner.domain == NSPOSIXErrorDomain
      ? String(cString: strerror(Int32(inner.code))) : inner.localizedDescription
  }
}

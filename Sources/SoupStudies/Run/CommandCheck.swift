import Foundation

/// Asks the program itself whether it understands a study's command lines, before hours go into the runs in front of a mistyped one.
///
/// Command lines that differ in numbers and paths alone are asked about once.
struct CommandCheck {
  /// Where it is set, `soup` reads its arguments, says what is wrong with them, and does nothing.
  static let variable = "SOUP_PARSE_ONLY"

  let study: Study

  /// - Throws: `StudyError` with code `invalid-file`, naming every kind of command that makes no sense.
  func run() throws(StudyError) {
    var groups: [[String]: [RunSpecification]] = [:]
    var shapes: [[String]] = []
    for run in study.graph.runs where study.runs[run.name]?.state != .done {
      let shape = Self.shape(run)
      if groups[shape] == nil { shapes.append(shape) }
      groups[shape, default: []].append(run)
    }
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("soup-check-\(getpid())")
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw StudyError(.cannotWrite, folder.path, "cannot be made: \(error.localizedDescription)")
    }
    defer { try? FileManager.default.removeItem(at: folder) }
    setenv(Self.variable, "1", 1)
    defer { unsetenv(Self.variable) }

    var problems: [String] = []
    let width = ProcessInfo.processInfo.activeProcessorCount
    for start in stride(from: 0, to: shapes.count, by: width) {
      let asked = shapes[start..<min(start + width, shapes.count)].map { groups[$0]! }
      var children: [(process: ChildProcess, errors: String)] = []
      defer { for child in children where child.process.ending() == nil { child.process.signal(SIGKILL) } }
      for (index, runs) in asked.enumerated() {
        let errors = folder.appendingPathComponent("\(start + index)").path
        children.append(
          (try ChildProcess(study.words(runs[0]), output: "/dev/null", errors: errors), errors))
      }
      for (child, runs) in zip(children, asked) {
        var ending = child.process.ending()
        while ending == nil {
          usleep(2000)
          ending = child.process.ending()
        }
        guard ending != .exit(0) else { continue }
        let text = String(decoding: FileManager.default.contents(atPath: child.errors) ?? Data(), as: UTF8.self)
        let line = text.split(separator: "\n").first.map { $0.replacing("soup: error: ", with: "") } ?? "\(ending!)"
        problems.append(
          "\(runs[0].name)\(runs.count > 1 ? " and \(runs.count - 1) more" : ""): \(line)\n    "
            + ShellWords.join(study.words(runs[0])))
      }
    }
    guard problems.isEmpty else {
      throw StudyError(
        .invalidFile, nil, "soup does not understand these commands:\n  " + problems.joined(separator: "\n  "))
    }
  }

  /// A command line without its numbers and paths.
  private static func shape(_ run: RunSpecification) -> [String] {
    var shape: [String] = []
    for word in run.words {
      let part =
        switch word {
        case .text(let text), .detail(let text): Double(text) == nil ? text : "<number>"
        case .result, .file: "<read>"
        case .output: "<written>"
        }
      // However many checkpoints.
      if part != "<read>" || shape.last != part { shape.append(part) }
    }
    return shape
  }
}

extension Study {
  /// Whether `soup` understands every command that is not done, asked of `soup` itself.
  /// - Throws: `StudyError` with code `invalid-file`, naming every one that makes no sense.
  public func checkCommands() throws(StudyError) { try CommandCheck(study: self).run() }
}

import Foundation

/// Asks the program itself whether it understands a study's command lines, before hours go into the runs in front of a mistyped one.
///
/// Command lines that differ in numbers and paths alone are asked about once.
struct CommandCheck {
  let study: Study
  /// The variable of the environment under which the program reads its arguments, says what is wrong with them, and does nothing.
  let variable: String

  /// - Throws: `StudyError` with code `invalid-file`, naming every kind of command that makes no sense.
  func run() throws(StudyError) {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("soup-check-\(getpid())").path
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    } catch {
      throw StudyError(.cannotWrite, folder, "cannot be made: \(error.localizedDescription)")
    }
    defer { try? FileManager.default.removeItem(atPath: folder) }
    setenv(variable, "1", 1)
    defer { unsetenv(variable) }

    let kinds = self.kinds
    let width = ProcessInfo.processInfo.activeProcessorCount
    var problems: [String] = []
    for start in stride(from: 0, to: kinds.count, by: width) {
      problems += try ask(kinds[start..<min(start + width, kinds.count)], folder)
    }
    guard problems.isEmpty else {
      throw StudyError(
        .invalidFile, nil, "soup does not understand these commands:\n  " + problems.joined(separator: "\n  "))
    }
  }

  /// Runs that are not done, those of one kind of command together.
  private var kinds: [[RunSpecification]] {
    var places: [[String]: Int] = [:]
    var kinds: [[RunSpecification]] = []
    for run in study.graph.runs where study.runs[run.name]?.state != .done {
      let place = places[Self.shape(run), default: kinds.count]
      if place == kinds.count { kinds.append([]) }
      places[Self.shape(run)] = place
      kinds[place].append(run)
    }
    return kinds
  }

  /// What is wrong with some kinds of commands, asked at the same time.
  private func ask(_ kinds: ArraySlice<[RunSpecification]>, _ folder: String) throws(StudyError) -> [String] {
    var children: [(process: ChildProcess, errors: String, runs: [RunSpecification])] = []
    for (place, runs) in zip(kinds.indices, kinds) {
      let errors = "\(folder)/\(place)"
      children.append((try ChildProcess(study.words(runs[0]), output: "/dev/null", errors: errors), errors, runs))
    }
    return children.compactMap { child in
      let ending = child.process.wait()
      return ending == .exit(0) ? nil : problem(child.runs, ending, errors: child.errors)
    }
  }

  private func problem(_ runs: [RunSpecification], _ ending: ChildProcess.Ending, errors path: String) -> String {
    let text = String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
    let line = text.split(separator: "\n").first.map { $0.replacing("soup: error: ", with: "") } ?? "\(ending)"
    return "\(runs[0].name)\(runs.count > 1 ? " and \(runs.count - 1) more" : ""): \(line)\n    "
      + ShellWords.join(study.words(runs[0]))
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
  /// - Parameter variable: of the environment, under which it reads its arguments and does nothing.
  /// - Throws: `StudyError` with code `invalid-file`, naming every one that makes no sense.
  public func checkCommands(under variable: String) throws(StudyError) {
    try CommandCheck(study: self, variable: variable).run()
  }
}

import Foundation
import Testing

/// Every command line that the README, the guides and the examples of `--help` show is one that `soup` understands.
@Suite struct GuideCommandTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// A command with where it stands.
  struct Shown: Sendable, CustomTestStringConvertible {
    let place: String
    let command: String
    var testDescription: String { place }
  }

  private static func documents() throws -> [String] {
    let guides = try #require(FileManager.default.enumerator(atPath: root.path + "/Guides"))
    let names = guides.compactMap { $0 as? String }.filter { $0.hasSuffix(".md") }.sorted()
    return ["README.md"] + names.map { "Guides/" + $0 }
  }

  private static func helpTexts() throws -> [String] {
    let folder = "Tests/Fixtures/help/"
    return try FileManager.default.contentsOfDirectory(atPath: root.path + "/" + folder).sorted().map { folder + $0 }
  }

  /// Lines `$ soup …`, or lines `soup …` of a help text, with the lines that they go on in.
  private static func commands(of document: String) throws -> [Shown] {
    let text = try String(contentsOf: root.appending(path: document), encoding: .utf8)
    var found: [Shown] = []
    let prefix = document.hasSuffix(".md") ? "$ soup " : "  soup "
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().makeIterator()
    while let (number, line) = lines.next() {
      guard line.hasPrefix(prefix) else { continue }
      var command = String(line.dropFirst(2))
      while command.hasSuffix("\\"), let (_, next) = lines.next() {
        command = command.dropLast() + next.trimmingCharacters(in: .whitespaces)
      }
      // What is done with the output is not ours.
      if let pipe = command.range(of: " | "), !command.contains("--scorer") {
        command = String(command[..<pipe.lowerBound])
      }
      found.append(Shown(place: "\(document):\(number + 1)", command: command))
    }
    return found
  }

  @Test func allAreUnderstood() async throws {
    let all = try (Self.documents() + Self.helpTexts()).flatMap(Self.commands)
    #expect(all.count > 50)
    // Each once, however often it is shown; a few at a time.
    var seen: Set<String> = []
    let shown = all.filter { seen.insert($0.command).inserted }
    let width = ProcessInfo.processInfo.activeProcessorCount
    // Some write their output to a file beside them.
    let folder = try TemporaryFolder()
    defer { withExtendedLifetime(folder) {} }
    let path = folder.path
    await withTaskGroup(of: Void.self) { group in
      for lane in 0..<width {
        group.addTask {
          for index in stride(from: lane, to: shown.count, by: width) { Self.check(shown[index], in: path) }
        }
      }
    }
  }

  private static func check(_ shown: Shown, in directory: String) {
    let programs = URL(filePath: SoupProgram.path).deletingLastPathComponent().path
    let result = try? SoupProgram.run(
      "/bin/sh", ["-c", "PATH='\(programs)':$PATH; export SOUP_PARSE_ONLY=1; \(shown.command)"], in: directory)
    #expect(result?.status == 0, "\(shown.place): \(shown.command)\n\(result?.errors ?? "")")
  }
}

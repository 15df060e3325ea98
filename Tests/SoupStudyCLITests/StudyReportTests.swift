import Foundation
import Testing

/// What a study ends in: its table, its export and its page, with every comparison on the same images.
@Suite struct StudyReportTests {
  static let yaml =
    StudyCommandTests.yaml + """

      evaluate:
        held-out:
        test:
        corrupted: {shift: cifar-c, severity: 3}
      """

  @Test func everyModelIsComparedWithTheBestOnTheSameImages() throws {
    let program = try StudyProgram()
    defer { program.remove() }
    try program.write("s.yaml", Self.yaml)
    let run = try program.run("run", "s.yaml")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.output.contains("test against best") && run.output.contains("shift against best"))
    #expect(run.output.contains("McNemar"))
    let line = try #require(run.output.split(separator: "\n").first { $0.hasPrefix("uniform (4)") })
    #expect(line.contains(#/[+-]\d+\.\d\d \[[+-]\d+\.\d\d, [+-]\d+\.\d\d\]/#))
    // The best one is not compared with itself.
    let best = try #require(run.output.split(separator: "\n").first { $0.hasPrefix("best: ") })
    #expect(!best.contains("["))

    #expect(try program.run("export", "s.yaml", "-o", "all.jsonl").status == 0)
    let records = try program.read("all.jsonl").split(separator: "\n").map { SoupJSON.object(String($0)) }
    let score = try #require(
      records.first {
        $0["record"] as? String == "score" && $0["model"] as? String == "uniform" && $0["set"] as? String == "test"
      })
    let against = try #require(score["against_best"] as? [String: Any])
    // What is exported is what the files of predictions say.
    let own = try Self.correct(program, "uniform.test")
    let other = try Self.correct(program, "best.test")
    let won = zip(own, other).count { $0 > $1 }
    let lost = zip(own, other).count { $0 < $1 }
    #expect(against["won"] as? Int == won && against["lost"] as? Int == lost)
    #expect(abs((against["difference"] as? Double ?? 9) - Double(won - lost) / 200) < 1e-12)
    let interval = try #require(against["interval"] as? [String: Any])
    #expect((interval["lower"] as? Double ?? 9) <= Double(won - lost) / 200)
    // Under shift both corrupted versions of an image count, the clean one does not.
    func shifted(_ model: String) -> [String: Any]? {
      records.first {
        $0["record"] as? String == "score" && $0["model"] as? String == model && $0["set"] as? String == "corrupted"
      }
    }
    let (soup, single) = (try #require(shifted("uniform")), try #require(shifted("best")))
    let gap = (soup["top1"] as? Double ?? 9) - (single["top1"] as? Double ?? 9)
    let paired = try #require(soup["against_best"] as? [String: Any])
    #expect(abs((paired["difference"] as? Double ?? 9) - gap) < 1e-9)
    #expect(records.count { $0["record"] as? String == "corruption" } == 9 * 2)
    #expect(records.count { $0["record"] as? String == "shift-mean" } == 9)
    let csv = try program.run("export", "s.yaml", "--format", "csv").output
    #expect(csv.contains("test difference low") && csv.contains("mean of shifts p"))
    let cells = csv.split(whereSeparator: \.isNewline).map {
      $0.split(separator: ",", omittingEmptySubsequences: false).count
    }
    #expect(cells.count == 10 && Set(cells).count == 1)
  }

  @Test func aReportNeedsNoExportAndNothingThatTheStudyRead() throws {
    let program = try StudyProgram()
    defer { program.remove() }
    try FileManager.default.createDirectory(atPath: program.folder + "/input", withIntermediateDirectories: true)
    try program.write("input/notes", "1")
    try program.write("s.yaml", "inputs: [input/notes]\n" + Self.yaml)
    let early = try program.report("s.yaml")
    #expect(early.status == 1 && early.errors.contains("soup study run"))
    #expect(try program.run("run", "s.yaml").status == 0)
    let report = try program.report("s.yaml")
    #expect(report.status == 0 && report.output.hasPrefix("runs/s/report.html"), "\(report.errors)")
    let page = try program.read("runs/s/report.html")
    #expect(page.contains("gain on test") && page.contains("gain under shift") && page.contains("soup study select"))
    #expect(page.contains("greedy") && page.contains("Initialisation"))

    // Moved, and what it read is gone.
    try FileManager.default.removeItem(atPath: program.folder + "/input")
    try FileManager.default.moveItem(atPath: program.folder + "/runs/s", toPath: program.folder + "/moved")
    let moved = try program.report("moved", "-o", "moved.html")
    #expect(moved.status == 0, "\(moved.errors)")
    #expect(try Self.table(program.read("moved.html")) == Self.table(page))

    let none = try program.report("input", "-o", "x.html")
    #expect(none.status == 1)
  }

  private static func table(_ page: String) -> Substring? {
    page.firstRange(of: "<table>").flatMap { start in
      page.firstRange(of: "</table>").map { page[start.lowerBound..<$0.lowerBound] }
    }
  }

  /// Whether each image is right, from the file of a scoring.
  private static func correct(_ program: StudyProgram, _ run: String) throws -> [UInt8] {
    let runs = program.folder + "/runs/s/runs/"
    let name = try #require(
      FileManager.default.contentsOfDirectory(atPath: runs).first { $0.hasPrefix(run + "-") })
    let data = try #require(FileManager.default.contents(atPath: runs + name + "/predictions.safetensors"))
    return Array(data.suffix(200))
  }
}

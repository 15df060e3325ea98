import Foundation
import Testing

/// What a person sees of `soup study`, with a stand-in for training and evaluation.
@Suite(.serialized) struct StudyCommandTests {
  static let yaml = """
    seed: 3
    base: {model: resnet20, epochs: 2}
    ingredients:
      count: 4
      settings:
        lr: {log-uniform: [0.01, 0.1]}
        epochs: {choice: [1, 2]}
    soups:
      best: {}
      uniform: {}
      greedy: {}
    ensembles: [ensemble]
    """
  /// base, 4 ingredients, 3 soups, and 2 scores for each of them and the ensemble.
  static let runs = 1 + 4 + 3 + 2 * (1 + 4 + 3 + 1)

  @Test func aStudyRunsOnceAndEndsInATable() throws {
    let program = try StudyProgram()
    defer { program.remove() }
    try program.write("s.yaml", Self.yaml)
    let plan = try program.run("run", "s.yaml", "--dry-run")
    #expect(plan.status == 0 && plan.output.contains("soup train --model resnet20 --epochs 2 --seed 3 -o runs/s/"))
    #expect(!FileManager.default.fileExists(atPath: program.folder + "/runs"))
    let begun = try program.run("status", "s.yaml")
    #expect(begun.status == 1 && begun.errors.contains("soup study run"))
    let first = try program.run("run", "s.yaml")
    #expect(first.status == 0, "\(first.errors)")
    #expect(first.output.contains("best: ingredient-0") && first.output.contains("greedy (1 of 4)"))
    let calls = program.calls.count
    #expect(calls == Self.runs - 1)  // All but 'study select'.
    let second = try program.run("run", "s.yaml")
    #expect(second.status == 0 && second.output == first.output && program.calls.count == calls)
    // The store can be lost: the folders say everything.
    try FileManager.default.removeItem(atPath: program.folder + "/runs/s/study.sqlite")
    let third = try program.run("run", "s.yaml")
    #expect(third.output == first.output && program.calls.count == calls)
  }

  @Test func aChangedLineRedoesOnlyWhatDependsOnIt() throws {
    let program = try StudyProgram()
    defer { program.remove() }
    try program.write("s.yaml", Self.yaml)
    #expect(try program.run("run", "s.yaml").status == 0)
    let before = program.calls.count
    try program.write("s.yaml", Self.yaml.replacingOccurrences(of: "greedy: {}", with: "greedy: {accept: better}"))
    #expect(try program.run("run", "s.yaml").status == 0)
    let calls = program.calls.dropFirst(before)
    #expect(calls.count == 3 && calls.first!.contains("season greedy") && calls.first!.contains("better"))
    // And back: nothing to do.
    try program.write("s.yaml", Self.yaml)
    #expect(try program.run("run", "s.yaml").status == 0)
    #expect(program.calls.count == before + 3)
  }

  @Test func whatFailsIsTriedAgainAndThenNamed() throws {
    let program = try StudyProgram()
    defer { program.remove() }
    try program.write("s.yaml", "retries: 1\n" + Self.yaml)
    try FileManager.default.createDirectory(atPath: program.folder + "/fail", withIntermediateDirectories: true)
    // The greedy search fails once; the third ingredient three times.
    try program.write("fail/season greedy", "1\n")
    try program.write("fail/--seed 3003", "1\n2\n3\n")
    let failing = ["FAKE_FAIL": program.folder + "/fail"]
    let first = try program.run("run", "s.yaml", environment: failing)
    #expect(first.status == 1)
    #expect(first.errors.contains("ingredient-03: failed, is tried again"))
    #expect(first.errors.contains("ingredient-03 failed: exit code 1") && first.errors.contains("failed as told"))
    #expect(first.errors.contains("1 of \(Self.runs) runs failed"))
    // The rest was done as far as it goes.
    let status = try program.run("status", "s.yaml", "--json")
    let counts = (SoupJSON.object(status.output)["counts"] as? [String: Int]) ?? [:]
    #expect(counts["failed"] == 1 && counts["blocked"] == 3 + 2 + 2 * 3 + 2, "\(counts)")
    let second = try program.run("resume", "s.yaml", environment: failing)
    #expect(second.status == 0, "\(second.errors)")
    #expect(try program.read("fail/season greedy").isEmpty)
  }

  @Test func aStudyIsRunByOneProcessAtATime() throws {
    let program = try StudyProgram()
    defer { program.remove() }
    try program.write("s.yaml", Self.yaml)
    let first = try program.start(["run", "s.yaml"], environment: ["FAKE_SECONDS": "0.4"])
    while (try? program.read("runs/s/study.yaml")) == nil { usleep(20_000) }
    let process = Process()
    process.executableURL = URL(filePath: StudyProgram.soup)
    process.arguments = ["study", "run", "s.yaml"]
    process.currentDirectoryURL = URL(filePath: program.folder)
    let errors = Pipe()
    process.standardError = errors
    try process.run()
    process.waitUntilExit()
    let text = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    #expect(process.terminationStatus == 1 && text.contains("another process runs this study"))
    // Asked to stop, it stops its runs, keeps what is done, and says how to go on.
    first.interrupt()
    first.waitUntilExit()
    #expect(first.terminationStatus == 130)
    #expect(try program.read("stderr").contains("resume"))
    #expect(try program.run("resume", "s.yaml").status == 0)
  }

  @Test func exportHasARecordForEverything() throws {
    let program = try StudyProgram()
    defer { program.remove() }
    try program.write("s.yaml", Self.yaml)
    #expect(try program.run("run", "s.yaml").status == 0)
    #expect(try program.run("export", "s.yaml", "-o", "all.jsonl").status == 0)
    let records = try program.read("all.jsonl").split(separator: "\n").map { SoupJSON.object(String($0)) }
    let kinds = Dictionary(grouping: records) { $0["record"] as? String ?? "" }.mapValues(\.count)
    #expect(records[0]["record"] as? String == "study" && records[0]["schema"] as? Int == 1)
    #expect(kinds["run"] == Self.runs && kinds["model"] == 9 && kinds["score"] == 18)
    #expect(kinds["training"] == 5 && kinds["greedy"] == 1)
    let score = try #require(records.first { $0["record"] as? String == "score" })
    let (top1, count) = (score["top1"] as? Double ?? 0, score["count"] as? Int ?? 0)
    #expect(score["correct"] as? Int == Int((top1 * Double(count)).rounded()))
    let ingredient = try #require(records.first { $0["model"] as? String == "ingredient-02" })
    #expect((ingredient["hyperparameters"] as? [String: Any])?["lr"] is Double)
    // CSV: as many cells in every row.
    let csv = try program.run("export", "s.yaml", "--format", "csv").output
    let rows = csv.split(whereSeparator: \.isNewline).map {
      $0.split(separator: ",", omittingEmptySubsequences: false).count
    }
    #expect(rows.count == 10 && Set(rows).count == 1)
    #expect(csv.hasPrefix("name,role,method,members,passes,"))
  }

  @Test func selectTakesTheBestAndRefusesTestScores() throws {
    let program = try StudyProgram()
    defer { program.remove() }
    for (name, value) in [("a", 0.5), ("b", 0.75), ("c", 0.75)] {
      try program.write(name, name)
      try program.write(name + ".jsonl", #"{"score":{"top1":\#(value),"loss":\#(value)},"split":"held-out"}"# + "\n")
    }
    let scores = ["--score", "a.jsonl", "--score", "b.jsonl", "--score", "c.jsonl"]
    func select(_ more: String...) throws -> Int32 {
      let process = try program.start(["select", "a", "b", "c"] + scores + ["-o", "out"] + more)
      process.waitUntilExit()
      return process.terminationStatus
    }
    #expect(try select() == 0)
    #expect(try program.read("out") == "b")
    #expect(try select("--metric", "loss") == 0)
    #expect(try program.read("out") == "a")
    #expect(try select("--rank", "3") == 0)
    #expect(try program.read("out") == "a")
    #expect(try select("--rank", "4") == 2)
    try program.write("b.jsonl", #"{"score":{"top1":0.9},"split":"test"}"# + "\n")
    #expect(try select() == 1)
    #expect(try program.read("stderr").contains("no honest score"))
  }

  @Test(arguments: ["run", "status", "resume", "export", "job", "select", "join"])
  func helpIsAsReviewed(command: String) throws {
    let help = try program("study", command, "--help")
    let path = StudyProgram.fixtures + "/../help/study-\(command).txt"
    #expect(try help == String(contentsOfFile: path, encoding: .utf8))
    #expect(help.split(separator: "\n").allSatisfy { $0.count <= 88 })
  }

  @Test func theStudysHelpIsAsReviewed() throws {
    let path = StudyProgram.fixtures + "/../help/study.txt"
    #expect(try program("study", "--help") == String(contentsOfFile: path, encoding: .utf8))
  }

  private func program(_ arguments: String...) throws -> String {
    let program = try StudyProgram()
    defer { program.remove() }
    let process = try program.start(Array(arguments.dropFirst()))
    process.waitUntilExit()
    return try program.read("stdout")
  }
}

enum SoupJSON {
  static func object(_ text: String) -> [String: Any] {
    (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:]
  }
}

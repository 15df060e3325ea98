import Foundation
import Testing

/// A study is killed at random moments, again and again, and ends with the table of one that was left alone.
@Suite struct KilledStudyTests {
  @Test(arguments: [
    (StudyCommandTests.yaml, StudyCommandTests.runs - 1, 10),
    (BranchingCommandTests.yaml, BranchingCommandTests.runs, 4),
  ])
  func killsLeaveTheSameTable(yaml: String, runs: Int, most: Int) throws {
    let (calm, killed) = (try StudyProgram(), try StudyProgram())
    defer {
      calm.remove()
      killed.remove()
    }
    for program in [calm, killed] { try program.write("s.yaml", yaml) }
    let expected = try calm.run("run", "s.yaml")
    #expect(expected.status == 0, "\(expected.errors)")

    var kills = 0
    var generator = SystemRandomNumberGenerator()
    while kills < most {
      let process = try killed.start(["run", "s.yaml"], environment: ["FAKE_SECONDS": "0.15"])
      usleep(UInt32.random(in: 20_000...400_000, using: &generator))
      guard process.isRunning else { break }
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      // Now and then the jobs go as well, with what they have started.
      if kills % 3 == 0 { killJobs(in: killed.folder) }
      kills += 1
    }
    #expect(kills >= most / 2)
    let result = try killed.run("resume", "s.yaml")
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output == expected.output)
    // What was done once was not done again, except what a kill has interrupted: at most two runs at a time each.
    #expect(killed.calls.count <= runs + 8 * kills)
  }

  /// Kills the processes whose command line names a run of that study.
  private func killJobs(in folder: String) {
    for entry in (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? [] {
      guard let pid = pid_t(entry), let data = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else {
        continue
      }
      if String(decoding: data, as: UTF8.self).contains(folder + "/runs/") { kill(pid, SIGKILL) }
    }
  }
}

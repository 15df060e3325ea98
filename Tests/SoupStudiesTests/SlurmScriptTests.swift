import Foundation
import SoupStudies
import Testing

@Suite struct SlurmScriptTests {
  /// Reviewed by reading and run by a real Slurm in Tools/check_slurm.sh.
  @Test func theScriptIsAsReviewed() throws {
    let script = SlurmScript(
      study: "sweep", label: "train",
      tasks: [
        .init(index: 1, folder: "/study/runs/ingredient-01-0a", command: ["soup", "train", "--lr", "0.01"]),
        .init(index: 2, folder: "/study/runs/ingredient-02-0b", command: ["soup", "train", "--augment", "a b's"]),
        .init(index: 5, folder: "/study/my runs/ingredient-05-0c", command: ["soup", "train"]),
      ], dependency: .all(["17", "18"]),
      options: ["partition": "gpu", "time": "4:00:00", "exclusive": "", "cpus-per-task": "8"], concurrent: 2,
      directory: "/home/me/my work", logs: "/study/slurm", program: "/opt/soup/bin/soup")
    let path =
      URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
      + "/Fixtures/studies/train.sbatch"
    #expect(try script.text == String(contentsOfFile: path, encoding: .utf8))
  }

  @Test func oneByOneAndAloneAreSaidInTheirOwnWay() {
    var script = SlurmScript(
      study: "s", label: "evaluate test", tasks: [.init(index: 3, folder: "/r", command: [])],
      dependency: .corresponding("9"), directory: "/", logs: "/l", program: "soup")
    #expect(script.text.contains("#SBATCH --dependency=aftercorr:9\n"))
    #expect(script.text.contains("#SBATCH --array=3\n"))
    #expect(script.text.contains("#SBATCH --job-name=s-evaluate-test\n"))
    script.dependency = nil
    #expect(!script.text.contains("dep"))
  }
}

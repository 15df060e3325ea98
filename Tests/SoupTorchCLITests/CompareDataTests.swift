import Foundation
import Testing

/// `soup compare --data` as a user runs it.
@Suite struct CompareDataTests {
  @Test func whatModelsSayIsCompared() throws {
    let folder = try TemporaryFolder()
    try writeTinyData(to: folder["digits"], train: 64, test: 48)
    let data = "idx:" + folder["digits"]
    for seed in 1...3 {
      let made = try SoupProgram.run(
        SoupProgram.path,
        [
          "train", "--model", "resnet8", "--data", data, "-o", "runs/\(seed).safetensors", "--epochs", "0.5",
          "--batch-size", "32", "--threads", "1", "--seed", "\(min(seed, 2))",
        ], in: folder.path)
      #expect(made.status == 0, "\(made.errors)")
    }
    let result = try SoupProgram.run(
      SoupProgram.path,
      ["compare", "runs", "--data", data, "--threads", "1", "--json", "--csv", "alike.csv", "--images", "40"],
      in: folder.path)
    #expect(result.status == 0, "\(result.errors)")
    #expect(
      result.outputJSON["measures"] as? [String] == [
        "l2_distance", "relative_l2", "cosine_similarity", "angle", "cka_logits", "mse_logits", "kl_logits",
        "js_logits",
        "disagreement", "cka_features",
      ])
    let pairs = try #require(result.outputJSON["pairs"] as? [[String: Any]])
    // Seeds 1, 2, 2: the last two are one model, the others differ.
    for measure in ["l2_distance", "mse_logits", "kl_logits", "js_logits", "disagreement"] {
      #expect(pairs[2][measure] as? Double == 0, "\(measure)")
      #expect(try #require(pairs[0][measure] as? Double) == (try #require(pairs[1][measure] as? Double)))
    }
    for measure in ["cka_logits", "cka_features"] {
      #expect(abs(try #require(pairs[2][measure] as? Double) - 1) < 1e-6)
      #expect(try #require(pairs[0][measure] as? Double) < 1)
    }
    #expect(try #require(pairs[0]["kl_logits"] as? Double) > 0)
    let lines = try String(contentsOfFile: folder["alike.csv"], encoding: .utf8).split(separator: "\n")
    #expect(lines.count == 4 && lines[0].hasPrefix("key_a,key_b,l2_distance,") && lines[3].hasPrefix("2,3,0.0,"))

    let wrong = try SoupProgram.run(
      SoupProgram.path, ["compare", "runs", "--data", data, "--split", "best"], in: folder.path)
    #expect(wrong.status == 2 && wrong.errors.contains("--split"))
  }
}

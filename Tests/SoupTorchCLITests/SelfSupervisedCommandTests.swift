import Foundation
import SoupCheckpoints
import SoupModels
import Testing

/// `soup train --objective`, run as a user would on a small data set.
@Suite(.serialized) struct SelfSupervisedCommandTests {
  private let folder: TemporaryFolder
  private let data: String

  init() throws {
    folder = try TemporaryFolder()
    data = "idx:" + folder["digits"]
    try writeTinyData(to: folder["digits"], size: 16)
  }

  private func train(_ output: String, _ arguments: String...) throws -> SoupProgram.Result {
    try train(output, arguments: arguments)
  }

  private func train(_ output: String, arguments: [String]) throws -> SoupProgram.Result {
    try SoupProgram.run(
      SoupProgram.path,
      ["train", "--data", data, "-o", output, "--batch-size", "16", "--threads", "1", "--optimizer", "adamw"]
        + arguments, in: folder.path)
  }

  private let model = ["--model", "vit:patch=4,dim=32,depth=1,heads=1,position=sincos,classes=0"]
  private let decoder = ["--decoder-width", "16", "--decoder-depth", "1"]

  /// An encoder from corrupted test images, no labels; fine-tuned with a new classifier on clean training images.
  @Test func fromTestImagesToAClassifier() throws {
    let run = try SoupProgram.run(
      SoupProgram.path,
      [
        "train", "--data", data, "-o", "mae.safetensors", "--objective", "mae", "--split", "test", "--subset", "even",
        "--shift", "cifar-c", "--corruption", "fog,contrast", "--severity", "3", "--steps", "4", "--batch-size", "16",
        "--optimizer", "adamw", "--lr", "1e-3", "--head-lr", "2e-3", "--warmup-fraction", "0.1", "--augment",
        "3-augment", "--threads", "1",
      ] + model + decoder, in: folder.path)
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.errors.contains("60 images, 4 steps"))
    let checkpoint = try Checkpoint(contentsOf: folder["mae.safetensors"])
    #expect(!(try checkpoint.stateDict().names.contains { $0.hasPrefix("head") || MaskedDecoder.isName($0) }))
    let provenance = try #require(checkpoint.metadata["soup.provenance"])
    for part in [
      #""kind":"mae""#, #""mask_ratio":0.75"#, #""head_learning_rate":0.002"#, #""part":"test""#, #""subset":"even""#,
      #""corruptions":["fog","contrast"]"#, #""view":"3-augment""#,
    ] {
      #expect(provenance.contains(part), "\(part)")
    }

    let refused = try train("tuned.safetensors", "--from", "mae.safetensors", "--steps", "2")
    #expect(refused.status != 0 && refused.errors.contains("--reset-head"))
    let tuned = try train("tuned.safetensors", "--from", "mae.safetensors", "--steps", "2", "--reset-head")
    #expect(tuned.status == 0, "\(tuned.errors)")
    #expect(tuned.output.contains("held-out"))
  }

  /// Encoders without classifier are judged by neighbours, get one by a probe, and are mixed without labels.
  @Test func encodersWithoutClassifier() throws {
    for seed in ["1", "2"] {
      let run = try train(
        "runs/\(seed).safetensors",
        arguments: [
          "--objective", "mae", "--steps", "2", "--lr", "1e-3", "--seed", seed, "--held-out", "0.1",
        ] + model + decoder)
      #expect(run.status == 0, "\(run.errors)")
    }
    func soup(_ arguments: String...) throws -> SoupProgram.Result {
      let result = try SoupProgram.run(
        SoupProgram.path, arguments + ["--data", data, "--threads", "1", "--json"], in: folder.path)
      #expect(result.status == 0, "\(result.errors)")
      return result
    }
    let voted = try soup("evaluate", "runs/1.safetensors", "--knn", "--neighbours", "5")
    let score = try #require(voted.outputJSON["score"] as? [String: Any])
    #expect(try #require(score["top1"] as? Double) > 0.5)
    let probed = try soup("probe", "runs/1.safetensors", "-o", "probed.safetensors", "--epochs", "2", "--lr", "1e-2")
    #expect((probed.outputJSON["sweep"] as? [[String: Any]])?.count == 1)
    let head = try Checkpoint(contentsOf: folder["probed.safetensors"]).stateDict()["head.weight"]
    #expect(head?.shape == [2, 32])
    let mixed = try soup(
      "season", "self", "runs", "-o", "soup.safetensors", "--step-images", "64", "--images", "128", "--epochs", "2")
    #expect((mixed.outputJSON["weights"] as? [Double])?.count == 2)
    #expect(mixed.outputJSON["ingredient_entropies"] is [Double])
    let names = try Checkpoint(contentsOf: folder["soup.safetensors"]).stateDict().names
    #expect(!names.contains { $0.hasPrefix("head") })
  }

  /// Options that contradict each other are refused before anything is read.
  @Test func refusesContradictions() throws {
    for (arguments, advice) in [
      (["--split", "test"], "labels of test images"),
      (["--head-lr", "1"], "--objective"),
      (["--mask-ratio", "0.5"], "--objective mae"),
      (["--severity", "3"], "need --shift"),
      (["--steps", "3", "--epochs", "1"], "give one"),
      (["--warmup", "1", "--warmup-fraction", "0.1"], "give one"),
      (["--augment", "3-augment,simple-crop"], "one view"),
    ] {
      let run = try SoupProgram.run(
        SoupProgram.path, ["train", "--data", data, "-o", "x.safetensors", "--model", "resnet8"] + arguments,
        in: folder.path)
      #expect(run.status != 0 && run.errors.contains(advice), "\(arguments): \(run.errors)")
    }
    let convolutional = try train("x.safetensors", "--model", "resnet8", "--objective", "mae", "--steps", "1")
    #expect(convolutional.status != 0 && convolutional.errors.contains("ViT"))
  }

  /// A file of a pre-training run holds encoder and decoder; both are continued, and a decoder of other dimensions is refused.
  @Test func continuesAPretrainingFile() throws {
    let fixture = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/training/mae.pth")
    try writeTinyData(to: folder["small"], size: 12)
    func run(_ output: String, _ arguments: String...) throws -> SoupProgram.Result {
      try SoupProgram.run(
        SoupProgram.path,
        [
          "train", "--data", "idx:" + folder["small"], "--objective", "mae", "--steps", "1", "--batch-size", "16",
          "--optimizer", "adamw", "--threads", "1", "-o", output, "--from", fixture.path, "--decoder-heads", "2",
        ] + arguments, in: folder.path)
    }
    let both = try run("a.safetensors")
    #expect(both.status == 0, "\(both.errors)")
    let provenance = try #require(Checkpoint(contentsOf: folder["a.safetensors"]).metadata["soup.provenance"])
    #expect(provenance.contains(#""decoder":"#) && provenance.contains(#""decoder_width":16"#))
    let named = try run("b.safetensors", "--decoder", fixture.path)
    #expect(named.status == 0, "\(named.errors)")
    let other = try run("c.safetensors", "--decoder", fixture.path, "--decoder-width", "32")
    #expect(other.status != 0 && other.errors.contains("width 16"))
    let fresh = try run("d.safetensors", "--decoder-width", "8")
    #expect(fresh.status == 0, "\(fresh.errors)")
    let none = try run("e.safetensors", "--decoder", "a.safetensors")
    #expect(none.status != 0 && none.errors.contains("no MAE decoder"))
  }
}

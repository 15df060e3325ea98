import Foundation
import SoupCheckpoints
import SoupModels
import SoupTorch
import Testing

/// The commands that need LibTorch, run as a user would on a small data set.
@Suite(.serialized) struct CommandTests {
  private let folder: TemporaryFolder
  private let data: String

  init() throws {
    folder = try TemporaryFolder()
    data = "idx:" + folder["digits"]
    try writeTinyData(to: folder["digits"])
  }

  private func soup(_ arguments: String...) throws -> SoupProgram.Result {
    try SoupProgram.run(SoupProgram.path, arguments, in: folder.path)
  }

  private func train(_ output: String, _ arguments: String..., from base: String? = nil) throws -> SoupProgram.Result {
    let start = base.map { ["--from", $0] } ?? ["--model", "resnet8"]
    return try SoupProgram.run(
      SoupProgram.path,
      ["train", "--data", data, "-o", output, "--batch-size", "32", "--threads", "1"] + start + arguments,
      in: folder.path)
  }

  /// Averages along a run lie beside it, load like any checkpoint, and are in its log and its report.
  @Test func averagesAlongARun() throws {
    let run = try train(
      "a.safetensors", "--epochs", "3", "--lr", "0.05", "--swa-start", "1", "--swa-anneal", "0.5", "--lawa-window", "2",
      "--lawa-every", "1", "--json")
    #expect(run.status == 0, "\(run.errors)")
    let summary = try #require(run.outputJSON["summary"] as? [String: Any])
    let averages = try #require(summary["averages"] as? [[String: Any]])
    #expect(averages.map { $0["file"] as? String } == ["a-swa.safetensors", "a-lawa.safetensors"])
    #expect(averages.map { $0["moments"] as? Int } == [3, 2])
    for name in ["a-swa", "a-lawa"] {
      let score = try soup("evaluate", "\(name).safetensors", "--data", data, "--split", "held-out", "--json")
      #expect(score.status == 0, "\(score.errors)")
    }
    let alone = try train("b.safetensors", "--swa-lr", "0.1")
    #expect(alone.status == 2 && alone.errors.contains("--swa-start"))
    let nothing = try train("c.safetensors", "--epochs", "1", "--lawa-window", "2", "--lawa-every", "99 steps")
    #expect(nothing.status != 0 && nothing.errors.contains("LAWA every 99 steps averages nothing"))
  }

  /// A branch has its trunk's settings, scaled, and says so in its checkpoint.
  @Test func aTrunkAndItsBranch() throws {
    let trunk = try train("trunk.safetensors", "--epochs", "2", "--lr", "0.05", "--checkpoint-every", "1")
    #expect(trunk.status == 0, "\(trunk.errors)")
    func branch(_ output: String, _ arguments: String...) throws -> SoupProgram.Result {
      try SoupProgram.run(
        SoupProgram.path,
        ["train", "--data", data, "--branch", "trunk-epoch-1.state", "-o", output, "--threads", "1"] + arguments,
        in: folder.path)
    }
    let run = try branch("1_1.safetensors", "--lr-scale", "0.5", "--seed", "7")
    #expect(run.status == 0, "\(run.errors)")
    let inspected = try soup("inspect", "1_1.safetensors")
    #expect(inspected.output.contains(#""scales":{"learning_rate":0.5,"momentum":1,"weight_decay":1}"#))
    #expect(inspected.output.contains(#""learning_rate":0.025"#))
    let again = try branch("1_2.safetensors", "--batch-size", "8", "--lr=1")
    #expect(again.status == 2 && again.errors.contains("leave --batch-size, --lr away"))
    let fast = try branch("1_2.safetensors", "--momentum-scale", "1.2")
    #expect(fast.status != 0 && fast.errors.contains("must stay below 1"))
    let alone = try train("b.safetensors", "--lr-scale", "2")
    #expect(alone.status == 2 && alone.errors.contains("need --branch"))
  }

  /// Base, ingredients, greedy soup, score, table: each command finds what the one before recorded.
  @Test func fromABaseToATable() throws {
    #expect(try train("base.safetensors", "--epochs", "2", "--lr", "0.05").status == 0)
    for (seed, rate) in [(1, "0.02"), (2, "0.05"), (3, "0.01")] {
      let result = try train(
        "runs/\(seed).safetensors", "--epochs", "1", "--lr", rate, "--seed", "\(seed)", from: "base.safetensors")
      #expect(result.status == 0, "\(result.errors)")
    }
    let greedy = try soup("season", "greedy", "runs", "-o", "greedy.safetensors", "--data", data, "--json")
    #expect(greedy.status == 0, "\(greedy.errors)")
    let found = try #require(greedy.outputJSON["result"] as? [String: Any])
    let own = try #require(found["ingredients"] as? [[String: Any]]).compactMap(Self.heldOutAccuracy)
    #expect(own.count == 3)
    #expect(try #require(Self.heldOutAccuracy(found)) >= own.max()!)
    #expect(greedy.outputJSON["evaluations"] as? Int ?? 9 <= 5)

    let score = try soup("evaluate", "greedy.safetensors", "--data", data, "--json")
    #expect(score.status == 0, "\(score.errors)")
    let test = try #require(score.outputJSON["score"] as? [String: Any])
    #expect(test["count"] as? Int == 120)
    #expect(test["top1"] as? Double ?? 0 > 0.9)

    // Every row with its interval, all but the first compared with it; the file has what each row did on each image.
    let several = try soup(
      "evaluate", "runs", "--ensemble", "logits", "--ensemble", "probabilities", "--ensemble", "greedy",
      "--predictions",
      "images.safetensors", "--data", data, "--json")
    #expect(several.status == 0, "\(several.errors)")
    let rows = several.output.split(separator: "\n").map { SoupProgram.object(String($0)) }
    #expect(rows.count == 6)
    #expect(rows[0]["against_first"] == nil && rows.dropFirst().allSatisfy { $0["against_first"] != nil })
    #expect((rows[5]["checkpoint"] as? String)?.hasPrefix("greedy ensemble of") ?? false)
    #expect(rows[5]["members"] != nil && rows[4]["members"] == nil)
    let correct = try Checkpoint(contentsOf: folder["images.safetensors"]).tensor("correct")
    #expect(correct.shape == [6, 120])
    for (index, row) in rows.enumerated() {
      let right = correct.doubles()[index * 120..<(index + 1) * 120].reduce(0, +)
      #expect((row["score"] as? [String: Any])?["top1"] as? Double == right / 120)
    }
    // Members are chosen on held-out images only.
    #expect(try soup("evaluate", "runs", "--ensemble", "greedy", "--split", "train", "--data", data).status == 2)

    let table = try soup("taste", "runs", "--base", "base.safetensors", "--data", data)
    #expect(table.status == 0, "\(table.errors)")
    for name in [
      "base", "best on held-out", "uniform soup of 3", "greedy soup of", "ensemble of 3", "greedy ensemble of", "±",
    ] {
      #expect(table.output.contains(name), "\(name)")
    }
    // Nothing but what was asked for is left behind.
    #expect(
      try folder.contents == [
        "base.jsonl", "base.safetensors", "digits", "greedy.safetensors", "images.safetensors", "runs",
      ])
  }

  /// Image files train and are evaluated on what that held out; an image that cannot be decoded stops, or is left out and named.
  @Test func imageFilesAndBadOnes() throws {
    // 16 x 16 pixels of one grey.
    let pictures = [
      "dark":
        "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFElEQVR42mPQIBEwjGoY1TB8NQAAzcl4AQRd4j0AAAAASUVORK5CYII=",
      "light":
        "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFElEQVR42mO4QyJgGNUwqmH4agAA3j6UHw9lB0gAAAAASUVORK5CYII=",
    ]
    for (name, text) in pictures {
      let picture = try #require(Data(base64Encoded: text))
      try FileManager.default.createDirectory(atPath: folder["photos/\(name)"], withIntermediateDirectories: true)
      for index in 0..<16 { try picture.write(to: URL(filePath: folder["photos/\(name)/\(index).png"])) }
    }
    try Data([0x89, 0x50, 0x4e]).write(to: URL(filePath: folder["photos/light/broken.png"]))
    let set = "imagefolder:\(folder["photos"])?size=16"
    func train(_ more: String...) throws -> SoupProgram.Result {
      try SoupProgram.run(
        SoupProgram.path,
        ["train", "--data", set, "--model", "resnet8", "-o", "a.safetensors", "--batch-size", "8", "--threads", "1"]
          + more,
        in: folder.path)
    }
    let refused = try train()
    #expect(refused.status == 1 && refused.errors.contains("light/broken.png"))
    let run = try train("--on-bad-image", "skip", "--held-out", "0.25")
    #expect(run.status == 0, "\(run.errors)")
    #expect(run.errors.contains("1 of 33 images") && run.errors.contains("light/broken.png"))
    let score = try soup("evaluate", "a.safetensors", "--split", "held-out", "--threads", "1", "--json")
    #expect(score.status == 0, "\(score.errors)")
    #expect((score.outputJSON["score"] as? [String: Any])?["count"] as? Int == 8)
    let meaningless = try soup(
      "evaluate", "a.safetensors", "--data", data, "--on-bad-image", "skip", "--threads", "1")
    #expect(meaningless.status != 0 && meaningless.errors.contains("--on-bad-image"))
  }

  /// Rows are corruptions, every model sees the same images, and the file has a row for each of them.
  @Test func scoresUnderAShift() throws {
    #expect(try train("base.safetensors", "--epochs", "2", "--lr", "0.05").status == 0)
    #expect(try train("runs/1.safetensors", "--epochs", "1", "--lr", "0.02", from: "base.safetensors").status == 0)
    #expect(try train("runs/2.safetensors", "--epochs", "1", "--lr", "0.1", from: "base.safetensors").status == 0)
    let arguments = ["--data", data, "--threads", "1", "--shift", "cifar-c", "--corruption", "fog,gaussian_noise"]
    func evaluate(_ more: String...) throws -> SoupProgram.Result {
      try SoupProgram.run(SoupProgram.path, ["evaluate"] + more + arguments, in: folder.path)
    }
    let several = try evaluate(
      "runs", "--severity", "1,5", "--ensemble", "logits", "--ensemble", "greedy", "--predictions",
      "images.safetensors", "--json")
    #expect(several.status == 0, "\(several.errors)")
    let rows = several.output.split(separator: "\n").map { SoupProgram.object(String($0)) }
    #expect(rows.count == 4)
    let predictions = try Checkpoint(contentsOf: folder["images.safetensors"])
    let correct = try predictions.tensor("correct")
    #expect(correct.shape == [4 * 5, 120])
    #expect(try predictions.tensor("positions").shape == [120])
    #expect(
      predictions.metadata["corruptions"]?.hasPrefix(#"["clean","gaussian_noise","gaussian_noise","fog","fog","#)
        ?? false)
    let values = correct.doubles()
    func accuracy(_ row: Int) -> Double { values[row * 120..<(row + 1) * 120].reduce(0, +) / 120 }
    for (index, row) in rows.enumerated() {
      let shift = try #require(row["shift"] as? [String: Any])
      #expect(shift["name"] as? String == "cifar-c")
      let corruptions = try #require(shift["corruptions"] as? [[String: Any]])
      #expect(corruptions.map { $0["name"] as? String } == ["gaussian_noise", "gaussian_noise", "fog", "fog"])
      #expect(corruptions.map { $0["severity"] as? Int } == [1, 5, 1, 5])
      #expect(corruptions.allSatisfy { $0["images"] as? Int == 120 && $0["loss"] is Double })
      let accuracies = (1...4).map { accuracy(index * 5 + $0) }
      for (corruption, accuracy) in zip(corruptions, accuracies) {
        #expect(abs(try #require(corruption["accuracy"] as? Double) - accuracy) < 1e-12)
      }
      #expect(abs(try #require(shift["mean_accuracy"] as? Double) - accuracies.reduce(0, +) / 4) < 1e-12)
      let clean = (row["score"] as? [String: Any])?["top1"] as? Double
      #expect(abs(try #require(clean) - accuracy(index * 5)) < 1e-12)
      #expect((shift["against_first"] != nil) == (index > 0))
    }
    #expect((rows[3]["checkpoint"] as? String)?.hasPrefix("greedy ensemble of") ?? false)

    // Alone, a model scores what it scores in company; and so it does without a shift.
    let alone = try evaluate("runs/2.safetensors", "--severity", "1", "--severity", "5", "--json")
    #expect(
      (alone.outputJSON["shift"] as? [String: Any])?["mean_accuracy"] as? Double
        == (rows[1]["shift"] as? [String: Any])?["mean_accuracy"] as? Double)
    let clean = try soup("evaluate", "runs/2.safetensors", "--data", data, "--json")
    let own = (clean.outputJSON["score"] as? [String: Any])?["top1"] as? Double
    #expect(abs(try #require(own) - accuracy(5)) < 1e-12)

    let table = try evaluate("runs", "--images", "30", "--per-class")
    #expect(table.status == 0, "\(table.errors)")
    for word in ["fog", "gaussian_noise", "mean", "second against first", "clean %", "cifar-c against the first"] {
      #expect(table.output.contains(word), "\(word)")
    }
    #expect(table.errors.contains("30 images in 10 versions"))

    // Every corruption there is, on a few small images.
    for name in ["cifar-c", "imagenet-c", "imagenet-c-extra", "laion-c"] {
      let all = try soup(
        "evaluate", "base.safetensors", "--data", data, "--threads", "1", "--shift", name, "--images", "3")
      #expect(all.status == 0, "\(all.errors)")
      #expect(!all.output.contains("mCE"))
    }

    // LAION-C's groups of classes.
    try Data(#"{"above": [0], "below": [1]}"#.utf8).write(to: URL(filePath: folder["groups.json"]))
    let groups = try evaluate("base.safetensors", "--superclasses", "groups.json", "--json")
    let plain = try evaluate("base.safetensors", "--json")
    #expect(groups.status == 0, "\(groups.errors)")
    #expect(
      (groups.outputJSON["shift"] as? [String: Any])?["mean_accuracy"] as? Double
        == (plain.outputJSON["shift"] as? [String: Any])?["mean_accuracy"] as? Double)
  }

  /// A benchmark that lies on disk is scored as one that is made in memory, and chooses nothing either.
  @Test func scoresABenchmarkOnDisk() throws {
    let path = folder["CIFAR-10-C"]
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    func write(_ name: String, _ type: String, _ shape: String, _ bytes: [UInt8]) throws {
      var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': \(shape), }"
      header += String(repeating: " ", count: 127 - 10 - header.utf8.count) + "\n"
      let start: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0]
      try Data(start + Array(header.utf8) + bytes).write(to: URL(filePath: "\(path)/\(name).npy"))
    }
    // Six images at five severities.
    for (name, factor) in [("fog", 7), ("snow", 11)] {
      try write(name, "|u1", "(30, 32, 32, 3)", (0..<30 * 3072).map { UInt8(truncatingIfNeeded: $0 * factor / 5) })
    }
    try write("labels", "|u1", "(30,)", (0..<30).map { UInt8($0 % 6) })
    try write("ten", "|u1", "(30,)", (0..<30).map { UInt8($0 % 10) })
    let network = "resnet8:classes=10,channels=3,image=32"
    let model = try makeModel(ModelConfiguration(parsing: network), generator: RandomGenerator(seed: 1))
    try CheckpointWriter.write(model.store.stateDict(), to: folder["m.safetensors"])
    let arguments = ["--data", "cifar10-c:" + path, "--model", network]
    let result = try SoupProgram.run(
      SoupProgram.path,
      ["evaluate", "m.safetensors", "--corruption", "snow,fog", "--severity", "2,4", "--json"] + arguments,
      in: folder.path)
    #expect(result.status == 0, "\(result.errors)")
    let shift = try #require(result.outputJSON["shift"] as? [String: Any])
    let corruptions = try #require(shift["corruptions"] as? [[String: Any]])
    #expect(shift["name"] as? String == "cifar10-c" && shift["seed"] == nil && result.outputJSON["score"] == nil)
    #expect(corruptions.map { $0["name"] as? String } == ["snow", "snow", "fog", "fog"])
    #expect(corruptions.allSatisfy { $0["images"] as? Int == 6 })
    // One of them is a data set like any other.
    let one = try soup(
      "evaluate", "m.safetensors", "--data", "cifar10-c:\(path)?corruption=fog&severity=4", "--model", network, "--json"
    )
    #expect(one.status == 0, "\(one.errors)")
    let top1 = (one.outputJSON["score"] as? [String: Any])?["top1"] as? Double
    #expect(top1 == corruptions[3]["accuracy"] as? Double && top1 != nil)

    // The members of a greedy ensemble are chosen on images that are held out elsewhere.
    let greedy = try SoupProgram.run(
      SoupProgram.path,
      [
        "evaluate", "m.safetensors", "--corruption", "fog", "--severity", "2", "--ensemble", "greedy", "--json",
        "--held-out", "0.5",
      ]
        + ["--train-data", "arrays:\(path)?images=snow&labels=ten"] + arguments, in: folder.path)
    #expect(greedy.status == 0, "\(greedy.errors)")
    #expect(greedy.output.contains("greedy ensemble of 1"))

    for (more, word) in [
      (["--corruption", "fog,rain"], "rain"), (["--shift", "cifar-c"], "shifted already"),
      (["--split", "train"], "test"), (["--corruption", "fog", "--ensemble", "greedy"], "--train-data"),
    ] {
      let refused = try SoupProgram.run(
        SoupProgram.path, ["evaluate", "m.safetensors"] + arguments + more, in: folder.path)
      #expect(refused.status != 0 && refused.errors.contains(word), "\(more): \(refused.errors)")
    }
    let chosen = try soup(
      "season", "greedy", "m.safetensors", "-o", "x", "--data", "cifar10-c:\(path)?corruption=fog&severity=4",
      "--model",
      network, "--held-out", "0.5")
    #expect(chosen.status != 0 && chosen.errors.contains("no training images"), "\(chosen.errors)")
  }

  /// A shift of test images is of test images.
  @Test func nothingIsChosenUnderAShift() throws {
    for command in ["greedy", "sampled", "pair", "learned", "layerwise"] {
      let result = try soup("season", command, "a", "b", "-o", "x", "--data", data, "--shift", "cifar-c")
      #expect(result.status == 2 && result.errors.contains("held-out images"), "\(command): \(result.errors)")
    }
  }

  private static func heldOutAccuracy(_ object: [String: Any]) -> Double? {
    (object["score"] as? [String: Any])?["top1"] as? Double
  }

  /// Killed with SIGKILL at five moments, then run to its end: the bytes of a run that nobody disturbed.
  @Test func aKilledRunEndsWithTheSameBytes() throws {
    let arguments = [
      "--epochs", "20", "--mixup", "0.2", "--augment", "crop=1,flip", "--ema", "0.9", "--save-every", "3",
    ]
    func command(_ output: String) -> [String] {
      ["train", "--data", data, "--model", "resnet8", "--batch-size", "32", "--threads", "1", "-o", output] + arguments
    }
    let whole = try SoupProgram.run(SoupProgram.path, command("whole.safetensors"), in: folder.path)
    #expect(whole.status == 0, "\(whole.errors)")
    var kills = 0
    for delay in [0.15, 0.5, 0.9, 0.6, 1.1] {
      let process = Process()
      process.executableURL = URL(filePath: SoupProgram.path)
      process.arguments = command("killed.safetensors")
      process.currentDirectoryURL = URL(filePath: folder.path)
      process.standardOutput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      try process.run()
      Thread.sleep(forTimeInterval: delay)
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
      kills += process.terminationReason == .uncaughtSignal ? 1 : 0
    }
    #expect(kills > 0)
    let last = try SoupProgram.run(SoupProgram.path, command("killed.safetensors"), in: folder.path)
    #expect(last.status == 0, "\(last.errors)")
    #expect(
      try Data(contentsOf: URL(filePath: folder["killed.safetensors"]))
        == Data(contentsOf: URL(filePath: folder["whole.safetensors"])))
  }

  /// Ctrl-C saves after the present step, says how to go on, and exits with 130.
  @Test func interruptionSavesTheState() throws {
    let process = Process()
    process.executableURL = URL(filePath: SoupProgram.path)
    process.arguments = [
      "train", "--data", data, "--model", "resnet8", "--batch-size", "32", "-o", "i.safetensors",
      "--epochs", "10000", "--threads", "1",
    ]
    process.currentDirectoryURL = URL(filePath: folder.path)
    let errors = Pipe()
    process.standardError = errors
    process.standardOutput = FileHandle.nullDevice
    try process.run()
    // The first line is printed when training begins; the handler is in place by then.
    var text = String(decoding: errors.fileHandleForReading.availableData, as: UTF8.self)
    kill(process.processIdentifier, SIGINT)
    text += String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationReason == .exit && process.terminationStatus == 130)
    #expect(text.contains("Run the same command again to continue"))
    #expect(try folder.contents == ["digits", "i.jsonl", "i.safetensors.state"])
  }

  @Test func usageErrorsExitWith2() throws {
    for arguments in [
      ["train"], ["train", "--data", data, "-o", "x"],
      ["train", "--data", data, "--model", "resnet8", "-o", "x", "--lr", "a"],
      ["evaluate"], ["season", "greedy", "a", "-o", "x", "--split", "test"], ["season", "bogus"], ["taste"],
      ["evaluate", "a", "--batch-size", "0"], ["evaluate", "a", "--ensemble", "bogus"],
      ["evaluate", "a", "--shift", "bogus"], ["evaluate", "a", "--severity", "3"],
      ["evaluate", "a", "--shift", "cifar-c", "--severity", "6"],
      ["evaluate", "a", "--shift", "laion-c", "--images", "0"],
      ["evaluate", "a", "--shift", "imagenet-c", "--corruption", "fog,saturate"],
    ] {
      let result = try SoupProgram.run(SoupProgram.path, arguments, in: folder.path)
      #expect(result.status == 2, "\(arguments): \(result.errors)")
      #expect(result.errors.contains("error"), "\(arguments)")
    }
  }

  /// Every one names what is wrong, and exits with 1.
  @Test func wrongInputIsNamed() throws {
    #expect(try train("base.safetensors", "--epochs", "0.2").status == 0)
    try Data("not a checkpoint".utf8).write(to: URL(filePath: folder["rubbish.safetensors"]))
    let other = try SoupProgram.run(
      SoupProgram.path,
      [
        "train", "--data", data, "--model", "resnet14", "-o", "other.safetensors", "--epochs", "0.1", "--batch-size",
        "32",
      ],
      in: folder.path)
    #expect(other.status == 0, "\(other.errors)")
    for (arguments, words) in [
      (["evaluate", "absent.safetensors", "--data", data], ["absent.safetensors"]),
      (["evaluate", "rubbish.safetensors", "--data", data], ["rubbish.safetensors"]),
      (["evaluate", "base.safetensors", "--data", "idx:" + folder["nowhere"]], ["nowhere"]),
      (["taste", "base.safetensors", "other.safetensors", "--data", data], ["architectures", "resnet8", "resnet14"]),
      (["train", "--data", data, "--model", "resnet9", "-o", "x"], ["resnet9"]),
      (["train", "--data", "nonsense", "--model", "resnet8", "-o", "x"], ["nonsense"]),
      (["train", "--data", data, "--model", "resnet8", "-o", "x", "--device", "cuda:7"], ["cuda:7"]),
      (["train", "--data", data, "--model", "resnet8", "-o", "x", "--epochs", "0"], ["epochs"]),
      (["season", "greedy", "base.safetensors", "-o", "base.safetensors", "--data", data], ["--force"]),
    ] {
      let result = try SoupProgram.run(SoupProgram.path, arguments, in: folder.path)
      #expect(result.status == 1, "\(arguments): \(result.errors)")
      for word in words { #expect(result.errors.contains(word), "\(arguments): \(result.errors)") }
      #expect(result.output.isEmpty)
    }
    let left = try folder.contents
    #expect(!left.contains("x"))
  }
}

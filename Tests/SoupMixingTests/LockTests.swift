import Foundation
import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

/// A lock says what a soup was made of; what it says can be checked and made again.
@Suite struct LockTests {
  private func mix(
    _ recipe: Recipe, _ folder: TemporaryFolder, _ name: String = "soup.safetensors", detail: LockDetail = .sha256
  ) throws -> (lock: SoupLock, path: String) {
    let plan = try MixPlan(recipe)
    let recorder = try LockRecorder(
      plan.recipe, to: CheckpointDestination(folder[name]), detail: detail, cachesHashes: false)
    let report = try Mixer(threads: 2).mix(plan, to: folder[name])
    return try recorder.finish(report)
  }

  private func models(_ folder: TemporaryFolder, _ count: Int = 2) throws -> [String] {
    try (1...count).map { try folder.network("\($0).safetensors", seed: UInt64($0)) }
  }

  private func sha256sum(_ path: String) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/sha256sum")
    process.arguments = [path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return String(text.prefix(64))
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/sha256sum")))
  func itHasTheHashesOfEveryFile() throws {
    let folder = try TemporaryFolder()
    let paths = try models(folder, 3)
    let (lock, path) = try mix(.uniform(paths), folder)
    #expect(path == folder["soup.lock"])
    #expect(lock.inputs.map(\.name) == paths)
    #expect(lock.inputs.flatMap(\.files).map(\.sha256) == (try paths.map(sha256sum)))
    #expect(lock.outputs.map(\.sha256) == [try sha256sum(folder["soup.safetensors"])])
    #expect(lock.outputs.map(\.path) == ["soup.safetensors"])
    #expect(lock.version == SoupVersion.current && lock.stages.map(\.recipe) == [.uniform(paths)])
    #expect(try SoupLock.read(folder["soup.safetensors"]).lock == lock)
    #expect(try SoupLock.read(path).lock == lock)
  }

  @Test func lockNamesDoNotCollide() {
    #expect(SoupLock.path(for: "a/soup.safetensors") == "a/soup.lock")
    #expect(SoupLock.path(for: "a/soup.pt") == "a/soup.pt.lock")
    #expect(SoupLock.path(for: "a/soup") == "a/soup.lock")
    #expect(SoupLock.path(for: NSTemporaryDirectory()).hasSuffix("/soup.lock"))
  }

  @Test(arguments: LockDetail.allCases) func everyChangeIsFound(detail: LockDetail) throws {
    let folder = try TemporaryFolder()
    let paths = try models(folder)
    let (lock, path) = try mix(.uniform(paths), folder, detail: detail)
    #expect(try LockVerification(lock, at: path).isIntact)
    // Another training run: other bytes of the same size.
    try folder.network("2.safetensors", seed: 77)
    var result = try LockVerification(lock, at: path)
    #expect(result.differing.map(\.path) == [paths[1]] && result.differing[0].status == .changed)
    #expect(throws: LockError.self) { try result.requireIntact() }
    // Cut short, and gone.
    #expect(truncate(paths[1], 100) == 0)
    try FileManager.default.removeItem(atPath: paths[0])
    result = try LockVerification(lock, at: path)
    #expect(result.differing.map(\.status) == [.missing, .changed])
    #expect(result.differing[1].detail.contains("100 bytes"))
    #expect(try LockVerification(lock, at: path, roles: [.output]).isIntact)
  }

  @Test func aFlippedBitIsFoundBySHA256() throws {
    let folder = try TemporaryFolder()
    let (lock, path) = try mix(.uniform(try models(folder)), folder)
    let handle = try FileHandle(forUpdating: URL(filePath: folder["soup.safetensors"]))
    try handle.seek(toOffset: 700_001)
    let byte = try #require(try handle.read(upToCount: 1))
    try handle.seek(toOffset: 700_001)
    try handle.write(contentsOf: [byte[0] ^ 1])
    try handle.close()
    #expect(try LockVerification(lock, at: path).differing.map(\.role) == [.output])
  }

  @Test func samplesAreCompletedOnlyIfNothingHasChanged() throws {
    let folder = try TemporaryFolder()
    let paths = try models(folder)
    let (lock, path) = try mix(.uniform(paths), folder, detail: .sample)
    #expect(lock.inputs.flatMap(\.files).allSatisfy { $0.sha256 == nil })
    #expect(try LockVerification(lock, at: path).entries.allSatisfy { $0.status == .sampled })
    let complete = try lock.completed(at: path)
    #expect(try LockVerification(complete, at: path).entries.allSatisfy { $0.status == .same })
    #expect(complete.inputs.flatMap(\.files).map(\.sample) == lock.inputs.flatMap(\.files).map(\.sample))
    try folder.network("1.safetensors", seed: 77)
    #expect(throws: LockError.self) { try lock.completed(at: path) }
  }

  @Test func aReplayGivesTheSameBytes() throws {
    let folder = try TemporaryFolder()
    let paths = try models(folder, 3)
    var terms = paths.dropFirst().map { Recipe.Ingredient($0) }
    for index in terms.indices { terms[index].parameters = ["density": 0.5, "weight": 1] }
    let recipe = Recipe.named(.dareLinear, terms, base: paths[0], parameters: ["seed": 42])
    let (lock, path) = try mix(recipe, folder)
    #expect(lock.seed == 42)
    func replay(to output: String? = nil) throws -> LockReplay {
      try lock.replay(at: path, to: output) { try Mixer(threads: 3).mix($0, files: $1, to: $2) }
    }
    // There: compared only. Gone: put back. Elsewhere: written there.
    #expect(try replay().output == nil)
    let before = try folder.contents
    #expect(try replay().agreement == .same && folder.contents == before)
    let bytes = try Data(contentsOf: URL(filePath: folder["soup.safetensors"]))
    try FileManager.default.removeItem(atPath: folder["soup.safetensors"])
    #expect(try replay().output == folder["soup.safetensors"])
    #expect(try Data(contentsOf: URL(filePath: folder["soup.safetensors"])) == bytes)
    #expect(try replay(to: folder["again.safetensors"]).agreement == .same)
    #expect(throws: CheckpointError.self) { try replay(to: folder["again.safetensors"]) }
    try folder.network("2.safetensors", seed: 9)
    let error = #expect(throws: LockError.self) { try replay() }
    #expect(error?.code == .differs && error?.problems.count == 1)
  }

  @Test func anotherProgramsBytesAreNotTheSoup() throws {
    let folder = try TemporaryFolder()
    let paths = try models(folder)
    let (lock, path) = try mix(.uniform(paths), folder)
    let error = #expect(throws: LockError.self) {
      try lock.replay(at: path, to: folder["again.safetensors"]) { lock, _, output in
        try Mixer().mix(.interpolate(paths[0], paths[1], alpha: 0.25), to: output)
      }
    }
    #expect(error?.code == .notReproduced)
  }

  @Test func aMovedFolderReplays() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder["old"], withIntermediateDirectories: true)
    let paths = try models(folder).map { path in
      let moved = folder["old/" + (path.split(separator: "/").last ?? "")]
      try FileManager.default.moveItem(atPath: path, toPath: moved)
      return moved
    }
    let plan = try MixPlan(.uniform(paths))
    let recorder = try LockRecorder(
      plan.recipe, to: CheckpointDestination(folder["old/soup.safetensors"]), detail: .sha256, cachesHashes: false)
    let report = try Mixer().mix(plan, to: folder["old/soup.safetensors"])
    try recorder.finish(report)
    try FileManager.default.moveItem(atPath: folder["old"], toPath: folder["new"])
    let (lock, path) = try SoupLock.read(folder["new/soup.safetensors"])
    #expect(try LockVerification(lock, at: path).isIntact)
    let replay = try lock.replay(at: path) { try Mixer().mix($0, files: $1, to: $2) }
    #expect(replay.agreement == .same)
  }

  @Test func stagesReplay() throws {
    let folder = try TemporaryFolder()
    let paths = try models(folder, 3)
    let first = Recipe.uniform(Array(paths[..<2]))
    let second = Recipe.interpolate("first", paths[2], alpha: 0.25)
    let stages = [RecipeFile.Stage(name: "first", recipe: first), .init(name: nil, recipe: second)]
    let staged = StagedMix(stages, output: folder["soup.safetensors"])
    let last = try staged.mixEarlierStages(with: Mixer())
    let recorder = try LockRecorder(
      stages, to: CheckpointDestination(folder["soup.safetensors"]), detail: .sha256, cachesHashes: false)
    let report = try Mixer().mix(last, to: folder["soup.safetensors"])
    let (lock, path) = try recorder.finish(report)
    staged.remove()
    #expect(lock.inputs.map(\.name) == paths)
    let before = try folder.contents
    let replay = try lock.replay(at: path) { try Mixer().mix($0, files: $1, to: $2) }
    #expect(replay.agreement == .same)
    #expect(try folder.contents == before)
  }

  @Test func shardsReplay() throws {
    let folder = try TemporaryFolder()
    let plan = try MixPlan(.uniform(try models(folder)))
    let destination = CheckpointDestination(folder: folder["soup"], shardSize: 1 << 20)
    let recorder = try LockRecorder(plan.recipe, to: destination, detail: .sha256, cachesHashes: false)
    let report = try Mixer().mix(plan, to: destination)
    let path = try recorder.finish(report).path
    #expect(path == folder["soup/soup.lock"])
    let (lock, place) = try SoupLock.read(folder["soup"])
    #expect(lock.outputs.count > 2)
    #expect(try LockVerification(lock, at: place).isIntact)
    let before = try folder.contents
    #expect(try lock.replay(at: place) { try Mixer().mix($0, files: $1, to: $2) }.agreement == .same)
    #expect(try folder.contents == before)
    try Data("x".utf8).write(to: URL(filePath: report.files[0]))
    #expect(try LockVerification(lock, at: place).differing.map(\.path) == [report.files[0]])
  }

  @Test func damagedLocksAreNamed() throws {
    let folder = try TemporaryFolder()
    for (text, code) in [
      ("{", LockError.Code.damaged), ("{}", .damaged), (#"{"format": "soup-lock 1"}"#, .damaged), ("", .notFound),
    ] {
      try Data(text.utf8).write(to: URL(filePath: folder["x.lock"]))
      let error = #expect(throws: LockError.self) { try SoupLock.read(folder["x.lock"]) }
      #expect(error?.code == code, "\(text)")
    }
    #expect(throws: LockError.self) { try SoupLock.read(folder["nothing"]) }
  }

  @Test func theSoupMayReplaceAnIngredient() throws {
    let folder = try TemporaryFolder()
    let paths = try models(folder)
    let before = try FileDigest.sha256(paths[0])
    let plan = try MixPlan(.uniform(paths))
    let recorder = try LockRecorder(
      plan.recipe, to: CheckpointDestination(paths[0]), detail: .sha256, cachesHashes: false)
    let report = try Mixer().mix(plan, to: paths[0])
    let lock = try recorder.finish(report).lock
    #expect(lock.inputs[0].files[0].sha256 == before)
    #expect(lock.outputs[0].sha256 == (try FileDigest.sha256(paths[0])))
  }
}

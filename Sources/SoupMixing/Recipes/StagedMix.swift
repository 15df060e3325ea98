import SoupCheckpoints
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Mixes the stages of a recipe file up to the last one, whose plan it gives.
///
/// What a later stage uses lies in a hidden folder beside the output, which `remove()` deletes. A stage whose result is
/// still there from a process that was killed is not mixed again: its file's name says which recipe and which files it was
/// made of. The folder is locked (`flock`) while this value has it: a second mix of the same output is refused.
public final class StagedMix: Sendable {
  public let stages: [RecipeFile.Stage]
  /// Where the results of stages lie while the last one is mixed.
  public let folder: String
  /// The locked folder; -1 where there is none, or locks do not work.
  private let claim = Mutex<(isHeld: Bool, descriptor: Int32)>((false, -1))

  /// - Parameter output: the soup's path.
  public init(_ stages: [RecipeFile.Stage], output: String) {
    self.stages = stages
    let trimmed = output.count > 1 && output.hasSuffix("/") ? String(output.dropLast()) : output
    let slash = trimmed.lastIndex(of: "/")
    let name = slash.map { String(trimmed[trimmed.index(after: $0)...]) } ?? trimmed
    folder = (slash.map { String(trimmed[...$0]) } ?? "") + ".\(name).stages"
  }

  /// Mixes all stages but the last.
  /// - Parameters:
  ///   - files: where checkpoints are that lie elsewhere than the recipes say.
  ///   - progress: called from several threads with the stage's number, from 0, and how far it is.
  ///   - finished: called after each stage with its number and its report, nil if it was there already.
  /// - Returns: the plan of the last stage.
  /// - Throws: `CheckpointError`, `MixError`.
  public func mixEarlierStages(
    with mixer: Mixer, files: [String: String] = [:],
    progress: @escaping @Sendable (Int, MixProgress) -> Void = { _, _ in },
    finished: (Int, MixReport?) -> Void = { _, _ in }
  ) throws -> MixPlan {
    guard let last = stages.last else { throw MixError(.invalidRecipe, "the recipe has no stages") }
    var files = files
    var earlier: [EarlierStage] = []
    var kept: Set<String> = []
    for (index, stage) in stages.dropLast().enumerated() {
      let plan = try MixPlan(stage.recipe, files: files)
      if index == 0 { try createFolder() }
      let name = try "\(Self.fileName(stage.name ?? "stage"))-\(mixer.key(of: plan)).safetensors"
      let path = folder + "/" + name
      kept.insert(name)
      if FileManager.default.fileExists(atPath: path) {
        finished(index, nil)
      } else {
        finished(index, try mixer.mix(plan, to: path) { progress(index, $0) })
      }
      if let name = stage.name {
        files[name] = path
        earlier.append(EarlierStage(name: name, recipe: stage.recipe))
      }
    }
    removeOthers(than: kept)
    return try MixPlan(last.recipe, files: files, notes: Self.notes(earlier))
  }

  /// Removes the results of the stages, unless they are another mix's.
  public func remove() {
    claim.withLock { claim in
      guard claim.isHeld else { return }
      removeOthers(than: [])
      try? FileManager.default.removeItem(atPath: folder)
      // Last, so that nobody begins in a folder that goes away.
      if claim.descriptor >= 0 { close(claim.descriptor) }
      claim = (false, -1)
    }
  }

  deinit {
    claim.withLock { claim in if claim.descriptor >= 0 { close(claim.descriptor) } }
  }

  /// What the soup's metadata say of a stage.
  private struct EarlierStage: Encodable {
    let name: String
    let recipe: Recipe
  }

  /// The soup's metadata beside the last stage's recipe.
  private static func notes(_ earlier: [EarlierStage]) throws -> [String: String] {
    guard !earlier.isEmpty else { return [:] }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return ["soup.stages": String(decoding: try encoder.encode(earlier), as: UTF8.self)]
  }

  /// Creates the folder, which may be there, and claims it.
  private func createFolder() throws {
    try claim.withLock { claim in
      for _ in 0..<8 {
        guard mkdir(folder, 0o777) == 0 || errno == EEXIST else {
          throw CheckpointError(
            .cannotWrite, folder, "cannot be created: \(String(cString: strerror(errno)))",
            advice: "the folder of the output must exist and allow it: results of stages lie there for a while")
        }
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { continue }
        if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
          let code = errno
          close(descriptor)
          guard code == EWOULDBLOCK else {
            claim = (true, -1)
            return
          }
          throw CheckpointError(
            .cannotWrite, folder, "is in use: another process mixes the stages of the same output",
            advice: "wait for it, or name another output")
        }
        // Between the two calls its former owner may have removed it.
        var (opened, named) = (stat(), stat())
        if fstat(descriptor, &opened) == 0, stat(folder, &named) == 0, opened.st_ino == named.st_ino {
          claim = (true, descriptor)
          return
        }
        close(descriptor)
      }
      throw CheckpointError(.cannotWrite, folder, "is removed again and again by other processes")
    }
  }

  /// Results of other recipes, which a killed process left.
  private func removeOthers(than kept: Set<String>) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    for name in names where !kept.contains(name) && name.hasSuffix(".safetensors") {
      try? FileManager.default.removeItem(atPath: folder + "/" + name)
    }
  }

  /// A stage's name as part of a file's.
  private static func fileName(_ name: String) -> String {
    String(name.prefix(60).map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
  }
}

import SoupCheckpoints

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Mixes the stages of a recipe file up to the last one, whose plan it gives.
///
/// What a later stage uses lies in a hidden folder beside the output, which `remove()` deletes. A stage whose result is
/// still there from a process that was killed is not mixed again: its file's name says which recipe and which files it was
/// made of.
public final class StagedMix: Sendable {
  public let stages: [RecipeFile.Stage]
  /// Where the results of stages lie while the last one is mixed.
  public let folder: String

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

  /// Removes the results of the stages.
  public func remove() {
    guard stages.count > 1 else { return }
    removeOthers(than: [])
    try? FileManager.default.removeItem(atPath: folder)
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

  private func createFolder() throws {
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
    } catch {
      guard FileManager.default.fileExists(atPath: folder) else {
        throw CheckpointError(
          .cannotWrite, folder, "cannot be created: \(error.localizedDescription)",
          advice: "the folder of the output must exist and allow it: results of stages lie there for a while")
      }
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

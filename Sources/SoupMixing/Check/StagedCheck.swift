import SoupCheckpoints

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

/// The checks of all stages of a recipe file, none of which has been mixed.
///
/// In the place of a result that is not there yet stands a file with its header alone.
public struct StagedCheck: Sendable {
  public struct Stage: Sendable {
    /// What later stages call it.
    public let name: String?
    public let check: MixCheck
  }

  /// In order; those that need the result of a stage that cannot be mixed are left out.
  public let stages: [Stage]
  /// How many stages there are.
  public let count: Int

  /// Whether nothing speaks against any stage.
  public var canMix: Bool { canMix(besides: []) }

  /// Whether nothing but findings of some kinds speaks against any stage.
  public func canMix(besides codes: Set<CheckFinding.Code>) -> Bool {
    stages.count == count
      && stages.flatMap(\.check.findings).allSatisfy { $0.severity != .error || codes.contains($0.code) }
  }
  /// The plan of the last stage; if there are several, only its numbers mean something.
  public var plan: MixPlan? { count == 1 ? stages.first?.check.plan : nil }

  /// - Parameters: as of `MixCheck`; values are read only of stages that use no other one's result.
  /// - Throws: `CheckpointError` while reading values; `CocoaError` if there is no room for temporary files.
  public init(
    _ recipes: [RecipeFile.Stage], output: String? = nil, format: CheckpointWriter.Format? = nil, shardSize: Int? = nil,
    replacing: Bool = false, mixer: Mixer = Mixer(),
    values: Bool = false, progress: (@Sendable (Int, Int) -> Void)? = nil
  ) throws {
    var stages: [Stage] = []
    var files: [String: String] = [:]
    var failed: Set<String> = []
    let folder = FileManager.default.temporaryDirectory.path + "/soup-check-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for (index, stage) in recipes.enumerated() {
      let isLast = index == recipes.count - 1
      guard failed.isDisjoint(with: stage.recipe.paths) else {
        if let name = stage.name { failed.insert(name) }
        continue
      }
      let isFirstHand = stage.recipe.paths.allSatisfy { files[$0] == nil }
      let check = try MixCheck(
        stage.recipe, files: files, output: isLast ? output : nil, format: format, shardSize: shardSize,
        replacing: replacing, mixer: mixer, values: values && isFirstHand, progress: progress)
      stages.append(Stage(name: stage.name, check: check))
      guard !isLast, let name = stage.name else { continue }
      if let plan = check.plan {
        let path = folder + "/\(index).safetensors"
        try Self.writeHeader(plan.layout, to: path, in: folder)
        files[name] = path
      } else {
        failed.insert(name)
      }
    }
    self.stages = stages
    count = recipes.count
  }

  /// A file of the right length that takes no more room than its header.
  private static func writeHeader(_ layout: SafetensorsLayout, to path: String, in folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    guard FileManager.default.createFile(atPath: path, contents: Data(layout.header)),
      truncate(path, off_t(layout.fileSize)) == 0
    else {
      throw CheckpointError(.cannotWrite, path, "cannot be written", advice: "is there room for temporary files?")
    }
  }
}

import SoupCheckpoints
import SoupTensors

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What a folder has beside its tensors: the configuration and tokenizer files of the model that they come from, and a
/// `README.md`.
///
/// In the configuration, the dtype and the number of layers are made those of the new tensors.
public struct FolderCompanions: Sendable {
  /// The folder that configuration and tokenizer come from; nil for none.
  public let source: String?
  /// Names of the files that are copied, sorted.
  public let sidecars: [String]
  /// The text of `README.md`; nil for none, or a copied one.
  public let card: String?
  private let configuration: String?

  /// Those of a soup: the files of its base, or of its first ingredient if there is no base, where that is a folder; and
  /// a model card.
  /// - Parameters:
  ///   - name: of the soup.
  ///   - command: how a reader makes it again; nil to leave that out.
  /// - Throws: `CheckpointError` if the folder cannot be read.
  public init(for plan: MixPlan, name: String, command: String? = nil) throws {
    let folder = Self.folder(EarlierStage.model(of: plan))
    source = folder
    sidecars = try folder.map { try Sidecars.names($0) } ?? []
    let text = folder.flatMap(Self.configuration)
    let layers = plan.recipe.slices.map { $0.reduce(0) { $0 + ($1.sources.first.map { $0.end - $0.start } ?? 0) } }
    configuration = text.map { ModelSettings($0).changed(dtype: plan.recipe.dtype, layers: layers) }
    card = try ModelCard(plan, name: name, command: command, configuration: text).text
  }

  /// Those of a checkpoint in another form: copies of its folder's, its `README.md` among them.
  init(copying path: String, dtype: DType?) throws {
    let folder = Self.folder(path)
    source = folder
    card = nil
    var names = try folder.map { try Sidecars.names($0) } ?? []
    if let folder, FileManager.default.fileExists(atPath: folder + "/README.md") { names.append("README.md") }
    sidecars = names
    configuration = folder.flatMap(Self.configuration).map { ModelSettings($0).changed(dtype: dtype, layers: nil) }
  }

  private static let configurationName = "config.json"

  func add(to output: CheckpointOutput) throws {
    for name in sidecars {
      if name == Self.configurationName, let configuration {
        try output.add(name, text: configuration)
      } else if let source {
        try output.add(name, copying: source + "/" + name)
      }
    }
    if let card { try output.add("README.md", text: card) }
  }

  private static func configuration(_ folder: String) -> String? {
    guard let data = FileManager.default.contents(atPath: folder + "/" + configurationName), data.count <= 16 << 20
    else { return nil }
    return String(data: data, encoding: .utf8)
  }

  /// The folder that a path names: itself, or the one an index is in.
  private static func folder(_ path: String) -> String? {
    if (try? ModelFolder(path)) != nil { return path }
    guard path.hasSuffix(".index.json") else { return nil }
    return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }
}

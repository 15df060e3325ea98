import SoupCheckpoints
import SoupTensors

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the folder of a soup has beside its tensors: the configuration and tokenizer files of the model that it comes
/// from, and a model card.
///
/// The files are those of the base, or of the first ingredient if there is no base, where that is a folder. In the
/// configuration, the dtype and the number of layers are made those of the soup.
public struct FolderCompanions: Sendable {
  /// The folder that configuration and tokenizer come from; nil for none.
  public let source: String?
  /// Names of the files that are copied, sorted.
  public let sidecars: [String]
  /// The text of `README.md`.
  public let card: String
  private let configuration: String?

  /// - Parameters:
  ///   - name: of the soup.
  ///   - command: how a reader makes it again; nil to leave that out.
  /// - Throws: `CheckpointError` if the folder cannot be read.
  public init(for plan: MixPlan, name: String, command: String? = nil) throws {
    let model = plan.recipe.base ?? plan.recipe.ingredients[0].path
    let folder = Self.folder(model)
    source = folder
    sidecars = try folder.map { try Sidecars.names($0) } ?? []
    let text = folder.flatMap { folder -> String? in
      guard let data = FileManager.default.contents(atPath: folder + "/" + Self.configurationName),
        data.count <= 16 << 20
      else { return nil }
      return String(data: data, encoding: .utf8)
    }
    let layers = plan.recipe.slices.map { $0.reduce(0) { $0 + ($1.sources.first.map { $0.end - $0.start } ?? 0) } }
    configuration = text.map { ModelSettings($0).changed(dtype: plan.recipe.dtype, layers: layers) }
    card = try ModelCard(plan, name: name, command: command, configuration: text).text
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
    try output.add("README.md", text: card)
  }

  /// The folder that a path names: itself, or the one an index is in.
  private static func folder(_ path: String) -> String? {
    if (try? ModelFolder(path)) != nil { return path }
    guard path.hasSuffix(".index.json") else { return nil }
    return path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
  }
}

import SoupCheckpoints
import SoupTensors

/// A recipe checked against its files: what is read, what is written where, before any value is touched.
public struct MixPlan: Sendable {
  /// A tensor of an ingredient.
  struct Source: Sendable, Hashable {
    /// The ingredient's index in `checkpoints`.
    let checkpoint: Int
    let info: TensorInfo
  }

  /// One tensor of the soup.
  struct Tensor: Sendable {
    /// The same tensor in every ingredient, in the order that the method expects.
    let sources: [Source]
    let output: TensorInfo
    let method: any MergeMethod
    /// Elements that must stay together in a block.
    let rowLength: Int
    /// What the method takes it for: tensors that are tied are mixed as the first of them, so that they stay the same.
    let mixedName: String
    /// Integer tensors are copied from the method's primary ingredient.
    var isMixed: Bool { output.dtype.isFloatingPoint }
    var inputBytes: Int { sources.reduce(0) { $0 + $1.info.byteRange.count } }

    init(sources: [Source], output: TensorInfo, method: any MergeMethod, mixedName: String) {
      self.sources = sources
      self.output = output
      self.method = method
      self.mixedName = mixedName
      rowLength = max(1, method.rowLength(of: Self.form(sources, output, mixedName)))
    }

    func merger() throws -> any TensorMerger { try method.merger(for: Self.form(sources, output, mixedName)) }

    private static func form(_ sources: [Source], _ output: TensorInfo, _ name: String) -> MergeTensor {
      MergeTensor(
        name: name, shape: output.shape, isWide: sources.contains { $0.info.dtype == .float64 })
    }
  }

  public let recipe: Recipe
  /// The opened ingredients, in recipe order; a file named twice is opened once.
  public let checkpoints: [Checkpoint]
  /// The soup as one safetensors file, which is also its form in memory.
  public let layout: SafetensorsLayout
  /// The soup's tensors in the first ingredient's order.
  public let items: [SafetensorsLayout.Item]
  /// Groups of names whose tensors are one and the same in every ingredient, and so in the soup.
  public let tiedNames: [[String]]
  /// Metadata of the soup: what all ingredients agree on, and the recipe.
  public let metadata: [String: String]
  /// Bytes of all ingredients' tensors.
  public let inputBytes: Int
  let tensors: [Tensor]
  /// What the recipe calls the files that lie elsewhere.
  private let names: [String: String]

  /// Opens the ingredients' headers and checks that they fit together.
  /// - Parameters:
  ///   - files: where checkpoints are that lie elsewhere than the recipe says; the soup's metadata has the recipe as it
  ///     is.
  ///   - notes: more metadata for the soup.
  /// - Throws: `CheckpointError` for a damaged file; `MixError.Code.mismatch` with every difference of every ingredient
  ///   from the first one; `MixError.Code.invalidRecipe`.
  public init(_ recipe: Recipe, files: [String: String] = [:], notes: [String: String] = [:]) throws {
    let assembly = try TensorAssembly(recipe.replacing(paths: files))
    let items = try assembly.items()
    let models = assembly.checkpoints.prefix(assembly.modelCount)
    var metadata = assembly.checkpoints[0].metadata.filter { key, value in
      models.allSatisfy { $0.metadata[key] == value }
    }
    // These two tell how an ingredient came to be, not how the soup did.
    metadata["soup.provenance"] = nil
    metadata.merge(notes) { _, new in new }
    metadata["soup.recipe"] = try recipe.json()
    metadata["soup.version"] = SoupVersion.current
    metadata["format"] = metadata["format"] ?? "pt"

    self.items = items.map { SafetensorsLayout.Item(name: $0.name, dtype: $0.dtype, shape: $0.shape) }
    let layout = try SafetensorsLayout(self.items, metadata: metadata)
    let byName = Dictionary(items.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    self.recipe = recipe
    names = Dictionary(files.map { ($0.value, $0.key) }, uniquingKeysWith: { first, _ in first })
    checkpoints = assembly.checkpoints
    self.metadata = metadata
    self.layout = layout
    // Layers of the soup are not layers of the ingredients where there are slices.
    tiedNames = recipe.slices == nil ? Self.tied(Array(models), layout.entries) : []
    var owners: [String: String] = [:]
    for group in tiedNames { for name in group { owners[name] = group[0] } }
    tensors = layout.entries.compactMap { entry in
      let owner = owners[entry.name] ?? entry.name
      return byName[owner].map {
        Tensor(sources: $0.sources, output: entry, method: $0.method, mixedName: owner)
      }
    }
    inputBytes = tensors.reduce(0) { $0 + $1.inputBytes }
  }

  /// The layout of the soup in another form than one safetensors file.
  public func layout(for destination: CheckpointDestination) throws -> CheckpointLayout {
    try CheckpointLayout(items, metadata: metadata, tiedNames: tiedNames, for: destination)
  }

  /// What is tied in every model, and has one form in the soup.
  private static func tied(_ models: [Checkpoint], _ entries: [TensorInfo]) -> [[String]] {
    guard let first = models.first, !first.tiedNames.isEmpty else { return [] }
    var forms: [String: TensorInfo] = [:]
    for entry in entries { forms[entry.name] = entry }
    return first.tiedNames.compactMap { group in
      guard let owner = forms[group[0]] else { return nil }
      let members = group.filter { name in
        guard let form = forms[name], form.dtype == owner.dtype, form.shape == owner.shape else { return false }
        return models.allSatisfy { model in
          model.tiedNames.contains { $0.contains(name) && $0.contains(group[0]) }
        }
      }
      return members.count > 1 ? members : nil
    }
  }

  /// What the recipe calls a checkpoint.
  func name(of checkpoint: Checkpoint) -> String { names[checkpoint.path] ?? checkpoint.path }
}

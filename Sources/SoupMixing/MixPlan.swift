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
    /// Integer tensors are copied from the method's primary ingredient.
    var isMixed: Bool { output.dtype.isFloatingPoint }
    var inputBytes: Int { sources.reduce(0) { $0 + $1.info.byteRange.count } }

    init(sources: [Source], output: TensorInfo, method: any MergeMethod) {
      self.sources = sources
      self.output = output
      self.method = method
      rowLength = max(1, method.rowLength(of: Self.form(sources, output)))
    }

    func merger() throws -> any TensorMerger { try method.merger(for: Self.form(sources, output)) }

    private static func form(_ sources: [Source], _ output: TensorInfo) -> MergeTensor {
      MergeTensor(
        name: output.name, shape: output.shape, isWide: sources.contains { $0.info.dtype == .float64 })
    }
  }

  public let recipe: Recipe
  /// The opened ingredients, in recipe order; a file named twice is opened once.
  public let checkpoints: [Checkpoint]
  /// The output file.
  public let layout: SafetensorsLayout
  /// Metadata of the soup: what all ingredients agree on, and the recipe.
  public let metadata: [String: String]
  /// Bytes of all ingredients' tensors.
  public let inputBytes: Int
  let tensors: [Tensor]

  /// Opens the ingredients' headers and checks that they fit together.
  /// - Throws: `CheckpointError` for a damaged file; `MixError.Code.mismatch` with every difference of every ingredient
  ///   from the first one; `MixError.Code.invalidRecipe`.
  public init(_ recipe: Recipe) throws {
    if let dtype = recipe.dtype, !dtype.isFloatingPoint {
      throw MixError(.invalidRecipe, "a soup cannot be stored as \(dtype.name); name a floating-point dtype")
    }
    let assembly = try TensorAssembly(recipe)
    let items = try assembly.items()
    let models = assembly.checkpoints.prefix(assembly.modelCount)
    var metadata = assembly.checkpoints[0].metadata.filter { key, value in
      models.allSatisfy { $0.metadata[key] == value }
    }
    // These two tell how an ingredient came to be, not how the soup did.
    metadata["soup.provenance"] = nil
    metadata["soup.recipe"] = try recipe.json()
    metadata["soup.version"] = SoupVersion.current
    metadata["format"] = metadata["format"] ?? "pt"

    let layout = try SafetensorsLayout(
      items.map { SafetensorsLayout.Item(name: $0.name, dtype: $0.dtype, shape: $0.shape) }, metadata: metadata)
    let byName = Dictionary(items.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    self.recipe = recipe
    checkpoints = assembly.checkpoints
    self.metadata = metadata
    self.layout = layout
    tensors = layout.entries.compactMap { entry in
      byName[entry.name].map { Tensor(sources: $0.sources, output: entry, method: $0.method) }
    }
    inputBytes = tensors.reduce(0) { $0 + $1.inputBytes }
  }
}

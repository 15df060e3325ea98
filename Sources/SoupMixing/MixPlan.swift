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
    let method = try recipe.mergeMethod()
    var opened: [String: Checkpoint] = [:]
    var checkpoints: [Checkpoint] = []
    for ingredient in recipe.ingredients {
      let checkpoint = try opened[ingredient.path] ?? Checkpoint(contentsOf: ingredient.path)
      opened[ingredient.path] = checkpoint
      checkpoints.append(checkpoint)
    }
    self.recipe = recipe
    self.checkpoints = checkpoints
    if let dtype = recipe.dtype, !dtype.isFloatingPoint {
      throw MixError(.invalidRecipe, "a soup cannot be stored as \(dtype.name); name a floating-point dtype")
    }
    try Self.checkNames(checkpoints)

    let columns = checkpoints[0].entries.map { first in
      checkpoints.map { $0.entry(first.name) ?? first }
    }
    var metadata = checkpoints[0].metadata.filter { key, value in
      checkpoints.allSatisfy { $0.metadata[key] == value }
    }
    // These two tell how an ingredient came to be, not how the soup did.
    metadata["soup.provenance"] = nil
    metadata["soup.recipe"] = try recipe.json()
    metadata["soup.version"] = SoupVersion.current
    metadata["format"] = metadata["format"] ?? "pt"
    self.metadata = metadata

    layout = try SafetensorsLayout(
      columns.map { sources in
        SafetensorsLayout.Item(
          name: sources[0].name, dtype: Self.outputDType(sources, wanted: recipe.dtype), shape: sources[0].shape)
      }, metadata: metadata)
    let sources = Dictionary(columns.map { ($0[0].name, $0) }, uniquingKeysWith: { first, _ in first })
    tensors = layout.entries.map { entry in
      let infos = sources[entry.name] ?? []
      return Tensor(
        sources: infos.enumerated().map { Source(checkpoint: $0, info: $1) }, output: entry, method: method)
    }
    inputBytes = tensors.reduce(0) { $0 + $1.inputBytes }
  }

  /// Compares every ingredient's header with the first one's.
  private static func checkNames(_ checkpoints: [Checkpoint]) throws(MixError) {
    let reference = checkpoints[0]
    var problems: [MixError.Problem] = []
    var seen: Set<ObjectIdentifier> = [ObjectIdentifier(reference)]
    for other in checkpoints where seen.insert(ObjectIdentifier(other)).inserted {
      let file = other.path
      for expected in reference.entries {
        guard let found = other.entry(expected.name) else {
          problems.append(.missing(file: file, tensor: expected.name))
          continue
        }
        if found.shape != expected.shape {
          problems.append(.shape(file: file, tensor: expected.name, expected: expected.shape, found: found.shape))
        }
        let bothFloat = found.dtype.isFloatingPoint && expected.dtype.isFloatingPoint
        if found.dtype != expected.dtype, !bothFloat {
          problems.append(
            .dtype(file: file, tensor: expected.name, expected: expected.dtype.name, found: found.dtype.name))
        }
      }
      for found in other.entries where reference.entry(found.name) == nil {
        problems.append(.unexpected(file: file, tensor: found.name))
      }
    }
    guard problems.isEmpty else {
      let files = Set(problems.map(\.file)).count
      throw MixError(
        .mismatch,
        "\(files) of \(checkpoints.count) ingredients cannot be mixed with the first one, '\(reference.path)' "
          + "(\(problems.count) difference\(problems.count == 1 ? "" : "s")):", problems: problems)
    }
  }

  /// The wanted dtype for floats, else the smallest that holds all ingredients' values exactly.
  private static func outputDType(_ sources: [TensorInfo], wanted: DType?) -> DType {
    let first = sources[0].dtype
    guard first.isFloatingPoint else { return first }
    return wanted ?? sources.dropFirst().reduce(first) { common($0, $1.dtype) }
  }

  private static func common(_ a: DType, _ b: DType) -> DType {
    if a == b { return a }
    // Every wider float holds the values of every narrower one; two kinds of one width need the next.
    if a.size != b.size { return a.size > b.size ? a : b }
    return a.size == 1 ? .float16 : .float32
  }
}

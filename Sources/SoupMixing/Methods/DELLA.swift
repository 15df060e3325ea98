/// DELLA: drop elements of a task vector at random, small ones more often, and merge what is left as task arithmetic or,
/// with `elects`, as TIES.
///
/// In each row the element of rank r = 0 … m − 1, ascending by magnitude, is kept with probability
/// `p = density − ε + 2 ε r / (m − 1)` and then divided by p. A row belongs to one index of the first axis; a tensor of
/// one axis is one row, and a row of one element is kept with probability `density`.
/// - Source: Deep et al., *DELLA-merging*, 2024, arXiv:2406.11617. mergekit 0.1.5 rescales by the ratio of L1 norms
///   (`rescaling: .norm`), ranks convolutions along the second axis only, and fails for rows of one element.
public struct DELLA: MergeMethod {
  public let merge: TaskVectorMerge
  public var primaryIngredient: Int { merge.base }

  /// - Parameter terms: the models with their weights and sparsifiers, usually `.rankedRandom`.
  public init(
    base: Int, terms: [TaskVectorMerge.Term], elects: Bool, scale: Double = 1, normalize: Bool,
    rescaling: Rescaling = .expectation, seed: UInt64 = 0
  ) throws(MixError) {
    var merge = TaskVectorMerge(base: base, terms: terms)
    merge.elects = elects
    merge.scale = scale
    merge.normalizes = normalize
    merge.rescaling = rescaling
    merge.seed = seed
    self.merge = try merge.validated()
  }

  public func rowLength(of tensor: MergeTensor) -> Int { merge.rowLength(of: tensor) }
  public func merger(for tensor: MergeTensor) -> any TensorMerger { merge.merger(for: tensor) }
}

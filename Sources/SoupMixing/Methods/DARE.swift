/// DARE: drop each element of a task vector with probability `1 − density`, divide the others by `density`, and merge
/// what is left as task arithmetic or, with `elects`, as TIES.
///
/// Masks are a function of the seed, the tensor's name, the model's place and the element (`TaskVectorMerge.seed`): the
/// same with any number of threads, on any machine.
/// - Source: Yu et al., *Language models are super Mario*, 2024, arXiv:2311.03099. mergekit 0.1.5 rescales by the ratio of
///   the L1 norms instead of 1/density; that is `rescaling: .norm`.
public struct DARE: MergeMethod {
  public let merge: TaskVectorMerge
  public var primaryIngredient: Int { merge.base }

  /// - Parameter terms: the models with their weights and sparsifiers, usually `.random`.
  public init(
    base: Int, terms: [TaskVectorMerge.Term], elects: Bool, scale: Double = 1, normalize: Bool = false,
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

  public func merger(for tensor: MergeTensor) -> any TensorMerger { merge.merger(for: tensor) }
}

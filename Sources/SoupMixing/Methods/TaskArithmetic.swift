/// Task arithmetic: `θ = θ₀ + λ Σᵢ wᵢ (θᵢ − θ₀)`.
///
/// - Source: Ilharco et al., *Editing models with task arithmetic*, 2023, arXiv:2212.04089.
public struct TaskArithmetic: MergeMethod {
  public let merge: TaskVectorMerge
  public var primaryIngredient: Int { merge.base }

  /// - Parameters:
  ///   - terms: the models with their weights; sparsifiers are not used.
  ///   - normalize: divide by the sum of the weights, unless that is 0.
  public init(base: Int, terms: [TaskVectorMerge.Term], scale: Double = 1, normalize: Bool = false) throws(MixError) {
    var merge = TaskVectorMerge(base: base, terms: terms)
    merge.scale = scale
    merge.normalizes = normalize
    self.merge = try merge.validated()
  }

  public func merger(for tensor: MergeTensor) -> any TensorMerger { merge.merger(for: tensor) }
}

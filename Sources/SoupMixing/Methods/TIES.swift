/// TIES: trim each task vector to its largest elements, elect a sign for every element, and average the terms that have
/// it: `θ = θ₀ + λ Σᵢ wᵢ δ̂ᵢ [sign = elected] / Σᵢ wᵢ [sign = elected]`.
///
/// Trimming keeps the share `density` of largest magnitude of each tensor; elements equal to the smallest kept one are
/// kept too, as in the authors' program. The elected sign is that of `Σᵢ wᵢ δ̂ᵢ`, positive where it is 0.
/// - Source: Yadav et al., *TIES-merging*, 2023, arXiv:2306.01708, which trims over the whole model; per tensor here, as
///   in mergekit.
public struct TIES: MergeMethod {
  public let merge: TaskVectorMerge
  public var primaryIngredient: Int { merge.base }

  /// - Parameters:
  ///   - terms: the models with their weights and sparsifiers, usually `.magnitude`.
  ///   - normalize: divide by the sum of the agreeing weights.
  ///   - rescaling: how trimmed task vectors are scaled.
  public init(
    base: Int, terms: [TaskVectorMerge.Term], scale: Double = 1, normalize: Bool = true, rescaling: Rescaling = .none
  ) throws(MixError) {
    var merge = TaskVectorMerge(base: base, terms: terms)
    merge.elects = true
    merge.scale = scale
    merge.normalizes = normalize
    merge.rescaling = rescaling
    self.merge = try merge.validated()
  }

  public func merger(for tensor: MergeTensor) -> any TensorMerger { merge.merger(for: tensor) }
}

/// Model breadcrumbs: of each task vector keep the share `density` of elements between the share `gamma` of largest
/// magnitude, which are outliers, and the smallest ones; merge what is left as task arithmetic or, with `elects`, as TIES.
///
/// In ascending order of n magnitudes the places `[n − top − kept, n − top)` stay, with `kept = ⌊density · n⌋` and
/// `top = ⌊gamma · n⌋`, or fewer where the two overlap.
/// - Source: Davari and Belilovsky, *Model breadcrumbs*, 2023, arXiv:2312.06795. mergekit 0.1.5 zeroes the whole task
///   vector where `gamma · n < 1`, which is every small tensor; here it is kept.
public struct Breadcrumbs: MergeMethod {
  public let merge: TaskVectorMerge
  public var primaryIngredient: Int { merge.base }

  /// - Parameter terms: the models with their weights and sparsifiers, usually `.outliers`.
  public init(
    base: Int, terms: [TaskVectorMerge.Term], elects: Bool, scale: Double = 1, normalize: Bool = false,
    rescaling: Rescaling = .none
  ) throws(MixError) {
    var merge = TaskVectorMerge(base: base, terms: terms)
    merge.elects = elects
    merge.scale = scale
    merge.normalizes = normalize
    merge.rescaling = rescaling
    self.merge = try merge.validated()
  }

  public func merger(for tensor: MergeTensor) -> any TensorMerger { merge.merger(for: tensor) }
}

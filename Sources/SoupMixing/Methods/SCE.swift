import CKernels

/// SCE: select the elements in which the models differ most, calculate a weight for each model from its task vector's
/// energy, and erase terms against the elected sign.
///
/// 1. Keep the share `topK` of elements with the largest variance over the models, of those where it is not 0; elements
///    equal to the last one stay.
/// 2. `cᵢ = mean(δᵢ²) / Σⱼ mean(δⱼ²)` over what is kept; equal if all are 0.
/// 3. `θ = θ₀ + Σ cᵢ δᵢ [sign δᵢ = s] / Σ cᵢ [sign δᵢ = s]`, with s the sign of `Σ δᵢ`, positive where that is 0.
/// - Source: Wan et al., *FuseChat*, 2024, arXiv:2408.07990. mergekit 0.1.5 uses equal weights where the energies sum to
///   less than 1e-6, as they do for most fine-tunings; here the energies count however small.
public struct SCE: MergeMethod {
  public let members: [Int]
  public let base: Int
  public let topK: Double
  public var primaryIngredient: Int { base }

  /// - Parameter topK: share of elements that take part, 0 to 1.
  public init(members: [Int], base: Int, topK: Double = 1) throws(MixError) {
    guard topK.isFinite else { throw MixError(.invalidRecipe, "select_topk is \(topK); it must be from 0 to 1") }
    self.members = members
    self.base = base
    self.topK = topK
  }

  public func merger(for tensor: MergeTensor) -> any TensorMerger { SCEMerger(self, tensor: tensor) }
}

private struct SCEMerger: TensorMerger {
  private enum Stage { case selecting, energies, ready }

  private let method: SCE
  private let tensor: MergeTensor
  private var stage: Stage
  private var selection: MagnitudeSelection
  private var countsNonZero = true
  private var threshold = 0.0
  private var keepsNothing = false
  private var weights: [Double] = []

  init(_ method: SCE, tensor: MergeTensor) {
    self.method = method
    self.tensor = tensor
    selection = MagnitudeSelection([.init(list: 0, place: 0)], count: tensor.count, isWide: tensor.isWide)
    stage = method.topK < 1 ? .selecting : .energies
    if method.topK <= 0 {
      stage = .ready
      keepsNothing = true
    }
  }

  var survey: Survey? {
    switch stage {
    // The last count is that of variances other than 0.
    case .selecting: Survey(counts: selection.survey.counts + 1)
    case .energies: Survey(sums: method.members.count)
    case .ready: nil
    }
  }

  func gather(_ block: MergeBlock, into tally: inout Tally) throws {
    let (deltas, work) = vectors(block)
    try block.forEachChunk { chunk in
      let n = chunk.count
      try load(block, chunk, deltas, work)
      if stage == .selecting {
        let variance = work[1]
        if countsNonZero {
          var nonZero: UInt32 = 0
          for index in 0..<n where tensor.isWide ? variance[index] != 0 : Float(variance[index]) != 0 { nonZero += 1 }
          tally.counts[tally.counts.count - 1] += nonZero
        }
        tally.counts.withUnsafeMutableBufferPointer { counts in
          if let counts = counts.baseAddress {
            selection.gather(variance, count: n, list: 0, level: block.level, counts: counts)
          }
        }
      } else {
        select(block, n, deltas, work)
        for (index, delta) in deltas.enumerated() { tally.sums[index] += ck_dot(block.level, delta, delta, n) }
      }
    }
  }

  mutating func conclude(_ tally: Tally) {
    switch stage {
    case .selecting:
      if countsNonZero {
        countsNonZero = false
        let kept = Int(method.topK * Double(tally.totals.last ?? 0))
        if kept == 0 {
          keepsNothing = true
          stage = .ready
          return
        }
        selection.setPlace(0, tensor.count - kept)
      }
      selection.narrow(tally.totals.dropLast())
      guard selection.isComplete else { return }
      threshold = selection.value(0)
      stage = .energies
    case .energies:
      let total = tally.sums.reduce(0, +)
      let equal = Array(repeating: 1 / Double(max(1, method.members.count)), count: method.members.count)
      weights = total > 0 ? tally.sums.map { $0 / total } : equal
      stage = .ready
    case .ready: break
    }
  }

  func merge(_ block: MergeBlock) throws {
    if keepsNothing { return try block.setWeightedSum((0...method.base).map { $0 == method.base ? 1 : 0 }) }
    let (deltas, work) = vectors(block)
    let (base, total, up, down, upWeight, downWeight, unchanged) = (
      work[2], work[3], work[4], work[5], work[6], work[7], work[8]
    )
    let level = block.level
    try block.forEachChunk { chunk in
      let n = chunk.count
      try load(block, chunk, deltas, work)
      select(block, n, deltas, work)
      for vector in [total, up, down, upWeight, downWeight, unchanged] { vector.update(repeating: 0, count: n) }
      for (delta, weight) in zip(deltas, weights) {
        ck_add_scaled(level, total, delta, 1, n)
        ck_vote(level, delta, weight, up, down, upWeight, downWeight, n)
      }
      ck_elect(level, total, up, down, upWeight, downWeight, n)
      ck_divide(level, up, upWeight, 0, unchanged, n)
      ck_add_scaled(level, base, up, 1, n)
      block.store(base, chunk)
    }
  }

  /// One vector for each model's difference, and nine to work with: the mean, the variance, the base, and six more.
  private func vectors(_ block: MergeBlock) -> (deltas: [Vector], work: [Vector]) {
    let all = block.vectors(method.members.count + 9)
    return (Array(all[9...]), Array(all[..<9]))
  }

  /// Loads base and differences, and finds the variance of each element.
  private func load(_ block: MergeBlock, _ chunk: Range<Int>, _ deltas: [Vector], _ work: [Vector]) throws {
    try block.load(method.base, chunk, into: work[2])
    for (member, delta) in zip(method.members, deltas) {
      try block.loadDifference(member, chunk, base: work[2], isWide: tensor.isWide, into: delta)
    }
    guard method.topK < 1 else { return }
    for vector in work[..<2] { vector.update(repeating: 0, count: chunk.count) }
    for (index, delta) in deltas.enumerated() {
      ck_spread(block.level, work[0], work[1], delta, Double(index + 1), chunk.count)
    }
  }

  /// Zeros the elements of every difference that were not selected. Thresholds of narrow tensors are in Float32.
  private func select(_ block: MergeBlock, _ n: Int, _ deltas: [Vector], _ work: [Vector]) {
    guard method.topK < 1 else { return }
    if !tensor.isWide { for index in 0..<n { work[1][index] = Double(Float(work[1][index])) } }
    for delta in deltas { ck_keep_between(block.level, delta, work[1], threshold, .infinity, n) }
  }
}

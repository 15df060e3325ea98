import CKernels

/// Trimmed mean: at every element the mean of the ingredients' values without the `⌊trim · N⌋` smallest and as many
/// largest. `trim: 0.5` is the median: the middle value, or the mean of the two in the middle.
///
/// NaN counts as the largest value, so that a few broken ingredients are outvoted.
/// - Source: Yin et al., *Byzantine-robust distributed learning*, 2018, arXiv:1803.01498.
public struct TrimmedMean: BlockMethod {
  public let members: [Int]
  public let trim: Double
  public var primaryIngredient: Int { members.first ?? 0 }

  /// - Parameter trim: the share to leave out at each end, 0 to 0.5.
  /// - Throws: `MixError.Code.invalidRecipe` if `trim` lies outside.
  public init(members: [Int], trim: Double) throws(MixError) {
    guard (0...0.5).contains(trim) else {
      throw MixError(.invalidRecipe, "trim is \(trim); it is the share left out at each end, from 0 to 0.5")
    }
    self.members = members
    self.trim = trim
  }

  public func merge(_ block: MergeBlock) throws {
    let cut = min(Int(trim * Double(members.count)), (members.count - 1) / 2)
    let kept = cut..<members.count - cut
    let columns = block.vectors(members.count + 1)
    let sum = columns[members.count]
    var sorted: [UnsafeMutablePointer<Double>?] = columns.dropLast().map { $0 }
    try block.forEachChunk { chunk in
      let n = chunk.count
      for (member, column) in zip(members, columns) { try block.load(member, chunk, into: column) }
      ck_sort_columns(block.level, &sorted, members.count, n)
      sum.update(from: columns[kept.lowerBound], count: n)
      for index in kept.dropFirst() { ck_add_scaled(block.level, sum, columns[index], 1, n) }
      block.store(sum, chunk, scale: 1 / Double(kept.count))
    }
  }
}

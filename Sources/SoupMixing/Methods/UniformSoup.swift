/// Uniform soup: `θ = (1/k) · Σᵢ θᵢ`.
///
/// - Source: Wortsman et al., *Model soups*, 2022, arXiv:2203.05482.
public struct UniformSoup: BlockMethod {
  public init() {}

  public func merge(_ block: MergeBlock) throws {
    let count = block.ingredientCount
    try block.setWeightedSum(Array(repeating: 1, count: count), divisor: Double(count))
  }
}

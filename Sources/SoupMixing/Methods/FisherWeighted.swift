import CKernels

/// Fisher-weighted mean: `θ = Σᵢ wᵢ Fᵢ θᵢ / Σᵢ wᵢ Fᵢ`, element by element, where Fᵢ says how much model i cares about that
/// element: a checkpoint of the same form, usually the diagonal of its Fisher information.
///
/// Where all importances are 0 it is the weighted mean `Σ wᵢ θᵢ / Σ wᵢ`.
/// - Source: Matena and Raffel, *Merging models with Fisher-weighted averaging*, 2022, arXiv:2111.09832.
public struct FisherWeighted: BlockMethod {
  public let members: [Int]
  /// The ingredients that hold each member's importance.
  public let importances: [Int]
  public let weights: [Double]
  public var primaryIngredient: Int { members.first ?? 0 }
  private let mean: [Double]

  /// - Throws: `MixError.Code.invalidRecipe` if the weights are not finite or sum to 0.
  public init(members: [Int], importances: [Int], weights: [Double]) throws(MixError) {
    let checked = try WeightedSoup(weights: weights)
    self.members = members
    self.importances = importances
    self.weights = weights
    mean = weights.map { $0 / checked.divisor }
  }

  public func merge(_ block: MergeBlock) throws {
    let vectors = block.vectors(5)
    let (value, importance, sum, total, plain) = (vectors[0], vectors[1], vectors[2], vectors[3], vectors[4])
    let level = block.level
    try block.forEachChunk { chunk in
      let n = chunk.count
      for vector in [sum, total, plain] { vector.update(repeating: 0, count: n) }
      for index in members.indices {
        try block.load(members[index], chunk, into: value)
        try block.load(importances[index], chunk, into: importance)
        ck_add_products(level, sum, value, importance, weights[index], n)
        ck_add_scaled(level, total, importance, weights[index], n)
        ck_add_scaled(level, plain, value, mean[index], n)
      }
      ck_divide(level, sum, total, 0, plain, n)
      block.store(sum, chunk)
    }
  }
}

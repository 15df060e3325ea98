import SoupEvaluation

/// All soups of pairs in a few numbers: fractions, and means of fractions.
struct PairSummary: Encodable {
  /// A further policy of batch norm.
  struct Policy: Encodable {
    let policy: WeightSpace.BatchNormPolicy
    let aboveBest: Double
    let overBest: Double
    /// Soups that are above their better parent with this policy, and with the first one are not.
    let turned: Int

    private enum CodingKeys: String, CodingKey {
      case policy
      case aboveBest = "above_best"
      case overBest = "over_best"
      case turned
    }
  }

  let soups: Int
  let aboveBest: Double
  let aboveMean: Double
  let overBest: Double
  let overMean: Double
  let otherPolicies: [Policy]

  init(_ rows: [[PointTable.Cell]], of table: PointTable, policies: [WeightSpace.BatchNormPolicy]) {
    func mean(_ value: ([PointTable.Cell]) -> Double) -> Double {
      rows.reduce(0) { $0 + value($1) } / Double(max(rows.count, 1))
    }
    func share(_ column: String) -> Double { mean { table.number(column, $0) > 0 ? 1 : 0 } }
    soups = rows.count
    aboveBest = share("over_best")
    aboveMean = share("over_mean")
    overBest = mean { table.number("over_best", $0) }
    overMean = mean { table.number("over_mean", $0) }
    otherPolicies = policies.dropFirst().map { policy in
      let column = "over_best_\(policy.rawValue)"
      return Policy(
        policy: policy, aboveBest: share(column), overBest: mean { table.number(column, $0) },
        turned: rows.count { table.number(column, $0) > 0 && !(table.number("over_best", $0) > 0) })
    }
  }

  private enum CodingKeys: String, CodingKey {
    case soups
    case aboveBest = "above_best"
    case aboveMean = "above_mean"
    case overBest = "over_best"
    case overMean = "over_mean"
    case otherPolicies = "other_policies"
  }

  func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(soups, forKey: .soups)
    try values.encode(aboveBest, forKey: .aboveBest)
    try values.encode(aboveMean, forKey: .aboveMean)
    try values.encode(overBest, forKey: .overBest)
    try values.encode(overMean, forKey: .overMean)
    if !otherPolicies.isEmpty { try values.encode(otherPolicies, forKey: .otherPolicies) }
  }
}

/// p-values corrected for being the smallest of many: Holm's step-down method.
///
/// Sorted upwards, the i-th of m p-values (from 0) becomes `max over j ≤ i of min(1, (m − j) · pⱼ)`. The chance that any of
/// the comparisons looks significant without being so stays below the level, whatever their dependence.
/// - Source: Holm, 1979.
public enum HolmCorrection {
  /// - Returns: corrected values in the order given.
  public static func adjust(_ values: [Double]) -> [Double] {
    var result = values
    var largest = 0.0
    for (rank, index) in values.indices.sorted(by: { (values[$0], $0) < (values[$1], $1) }).enumerated() {
      largest = max(largest, min(1, Double(values.count - rank) * values[index]))
      result[index] = largest
    }
    return result
  }
}

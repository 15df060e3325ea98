import CKernels

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How far one tensor of a checkpoint `a` is from the same tensor of a checkpoint `b`.
///
/// All numbers are over the elements that are finite in every file, summed in Float64 in a fixed order.
public struct TensorDifference: Codable, Sendable, Equatable {
  /// What two fine-tunings did to a base: their task vectors `u = a − base` and `v = b − base`.
  public struct TaskVectors: Codable, Sendable, Equatable {
    /// `‖u‖`.
    public let normA: Double
    /// `‖v‖`.
    public let normB: Double
    /// `u · v / (‖u‖ ‖v‖)`; nil if one is zero.
    public let cosine: Double?
  }

  public let name: String
  public let shape: [Int]
  public let dtypeA: String
  public let dtypeB: String
  public let elements: Int
  /// Elements whose values differ; two NaNs are equal.
  public let changed: Int
  /// Elements left out of the sums because one of their values is NaN or infinite.
  public let skipped: Int
  /// `‖a‖`.
  public let norm: Double
  /// `‖b − a‖`.
  public let distance: Double
  /// `‖b − a‖ / ‖a‖`; nil if `a` is zero.
  public let relativeDistance: Double?
  /// `a · b / (‖a‖ ‖b‖)`; nil if one is zero.
  public let cosine: Double?
  /// `max |b − a|`.
  public let largestChange: Double
  /// Where that is, counted row-major; nil if nothing changed.
  public let largestChangeIndex: Int?
  /// Only with a base.
  public let tasks: TaskVectors?

  init(name: String, shape: [Int], dtypeA: String, dtypeB: String, sums: ck_comparison, hasBase: Bool) {
    self.name = name
    self.shape = shape
    self.dtypeA = dtypeA
    self.dtypeB = dtypeB
    elements = sums.elements
    changed = sums.changed
    skipped = sums.skipped
    norm = sums.aa.squareRoot()
    distance = sums.dd.squareRoot()
    relativeDistance = sums.aa > 0 ? (sums.dd / sums.aa).squareRoot() : sums.dd > 0 ? nil : 0
    cosine = Self.cosine(sums.ab, sums.aa, sums.bb)
    largestChange = sums.largest
    largestChangeIndex = sums.largest > 0 ? sums.largest_at : nil
    tasks =
      hasBase
      ? TaskVectors(
        normA: sums.uu.squareRoot(), normB: sums.vv.squareRoot(), cosine: Self.cosine(sums.uv, sums.uu, sums.vv)) : nil
  }

  private static func cosine(_ product: Double, _ a: Double, _ b: Double) -> Double? {
    guard a > 0, b > 0 else { return nil }
    // Two roots, because the product of two squares can leave the range; none for equal norms, where they would round.
    let scale = a == b ? a : a.squareRoot() * b.squareRoot()
    return min(1, max(-1, product / scale))
  }
}

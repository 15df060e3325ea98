import CKernels
import SoupCheckpoints
import SoupTensors
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// How alike the weights of every two of many checkpoints are.
///
/// All compared tensors together are one vector a. Every pair has
/// - the distance `‖a − b‖`, and relative to the mean norm, `2 ‖a − b‖ / (‖a‖ + ‖b‖)`;
/// - the cosine `a · b / (‖a‖ ‖b‖)`, and its angle;
/// - with a base, of the task vectors `u = a − base`, `v = b − base`: the cosine, its angle, and the share of equal signs among the
///   elements at which neither is zero.
///
/// Every file is read once. Products are of Float32 (Float64 is rounded first), summed as in `ck_add_row_products`, of differences
/// from the base or from the mean of the models: the distance of two models that are close then keeps its digits. Pairs that are
/// closer than that allows are summed directly.
/// - Source: Ghyselincks et al., *When is Model Souping Tasty?*, 2026, for the first distance and cosine and for which tensors.
public struct WeightSimilarity: Sendable {
  /// How alike two models are. Symmetric.
  public struct Pair: Sendable, Equatable {
    public let distance: Double
    /// Nil where both are zero.
    public let relativeDistance: Double?
    /// Nil where one is zero.
    public let cosine: Double?
    /// In degrees; keeps its digits where the cosine is 1 to all digits.
    public let angle: Double?
    /// Nil without a base.
    public let tasks: Tasks?

    public struct Tasks: Sendable, Equatable {
      /// Nil where a model is its base.
      public let cosine: Double?
      public let angle: Double?
      /// In 0...1; nil where no element has moved in both.
      public let signAgreement: Double?
    }
  }

  /// Paths, in the order given.
  public let models: [String]
  public let base: String?
  /// Names of compared tensors, in the order of the first checkpoint; how many elements they have together.
  public let tensors: [String]
  public let elements: Int
  /// Left out as running statistics or integers.
  public let excluded: [String]
  /// Left out because not all have them in one shape.
  public let uncommon: [String]
  /// NaN and infinite elements of each model, the base last; elements that were left out of all for them.
  public let notFinite: [Int]
  public let skipped: Int
  /// Bytes of the compared tensors.
  public let bytes: Int
  private let sums: GramSums
  private let direct: [Int: Double]

  /// Below this share of the sums of squares, what is left of their difference has lost too many digits.
  private static let smallestShare = 0.01

  /// - Parameters:
  ///   - paths: two checkpoints or more.
  ///   - base: the checkpoint that all come from; adds the task vectors.
  ///   - allTensors: also batch norm's running statistics, and integers.
  ///   - common: compares the tensors that all have in one shape, in place of refusing others.
  ///   - threads: all cores by default; the numbers are the same.
  ///   - maximumMemory: of the work, in bytes.
  ///   - progress: called from several threads with the bytes done and the bytes in all.
  /// - Throws: `MixError`: `.mismatch` with every difference, `.memory`, `.invalidRecipe`; `CheckpointError`.
  /// - Complexity: every file once, and n²/2 multiplications for each element of n models.
  public init(
    comparing paths: [String], base: String? = nil, allTensors: Bool = false, common: Bool = false,
    threads: Int? = nil, maximumMemory: Int = defaultMaximumMemory,
    progress: (@Sendable (Int, Int) -> Void)? = nil
  ) throws {
    guard paths.count > 1 else {
      throw MixError(.invalidRecipe, "comparing needs two checkpoints, found \(paths.count)")
    }
    let checkpoints = try paths.map { try Checkpoint(contentsOf: $0) }
    let root = try base.map { try Checkpoint(contentsOf: $0) }
    let compared = try ComparedTensors(checkpoints, base: root, all: allTensors, common: common)
    var pass = try GramPass(
      checkpoints, base: root, tensors: compared.tensors, threads: threads ?? WorkQueue.allCores,
      limit: maximumMemory)
    let blocks = pass.blocks
    let total = blocks.reduce(0) { $0 + pass.bytes($1) }
    let done = Mutex(0)
    @Sendable func report(_ bytes: Int) {
      progress?(
        done.withLock {
          $0 = min(total, $0 + bytes)
          return $0
        }, total)
    }
    // Which pairs are close shows in a sample; what it missed, in the sums.
    pass.direct = try pass.run(pass.sample) { _ in }.close(below: 5 * Self.smallestShare)
    let sums = try pass.run(blocks, progress: report)
    var direct: [Int: Double] = [:]
    for (pair, sum) in zip(pass.direct, sums.direct) { direct[GramSums.place(pair.0, pair.1)] = sum }
    pass.direct = sums.close(below: Self.smallestShare).filter { direct[GramSums.place($0.0, $0.1)] == nil }
    if !pass.direct.isEmpty {
      pass.sumsProducts = false
      for (pair, sum) in zip(pass.direct, try pass.run(blocks, progress: report).direct) {
        direct[GramSums.place(pair.0, pair.1)] = sum
      }
    }
    models = paths
    self.base = base
    tensors = compared.tensors.map(\.name)
    elements = compared.tensors.reduce(0) { $0 + $1.count }
    (excluded, uncommon) = (compared.excluded, compared.uncommon)
    (notFinite, skipped) = (sums.notFinite, sums.skipped)
    bytes = total
    self.sums = sums
    self.direct = direct
  }

  public static let defaultMaximumMemory = 1_000_000_000

  /// `‖a‖`.
  public func norm(_ i: Int) -> Double { squaredNorm(i).squareRoot() }

  /// - Parameters: indices of models.
  public subscript(_ first: Int, _ second: Int) -> Pair {
    // One order, so that the last bits are symmetric too.
    let (i, j) = (max(first, second), min(first, second))
    let r = models.count
    let squared = i == j ? 0 : direct[GramSums.place(i, j)] ?? sums.squaredDistance(i, j)
    // |a|² − |b|² without the squares of r, which may be far larger.
    let (ii, jj) = (sums.product(i, i), sums.product(j, j))
    let (norm, other) = (norm(i), norm(j))
    let difference = norm + other > 0 ? (ii - jj + 2 * (sums.product(i, r) - sums.product(j, r))) / (norm + other) : 0
    let weights = Self.angle(squared, norm, other, difference)
    var tasks: Pair.Tasks?
    if base != nil {
      let (u, v) = (ii.squareRoot(), jj.squareRoot())
      let found = Self.angle(squared, u, v, u + v > 0 ? (ii - jj) / (u + v) : 0)
      let both = sums.both[GramSums.place(i, j)]
      tasks = .init(
        cosine: found?.cosine, angle: found?.degrees,
        signAgreement: both == 0 ? nil : 1 - Double(sums.apart[GramSums.place(i, j)]) / Double(both))
    }
    let distance = squared.squareRoot()
    return Pair(
      distance: distance, relativeDistance: norm + other > 0 ? 2 * distance / (norm + other) : nil,
      cosine: weights?.cosine, angle: weights?.degrees, tasks: tasks)
  }

  private func squaredNorm(_ i: Int) -> Double {
    let r = models.count
    return max(0, sums.product(i, i) + 2 * sums.product(i, r) + sums.product(r, r))
  }

  /// Cosine and angle of two vectors by the chord of their directions: `‖â − b̂‖² = (‖a − b‖² − (‖a‖ − ‖b‖)²) / (‖a‖ ‖b‖)`.
  private static func angle(
    _ squaredDistance: Double, _ a: Double, _ b: Double, _ difference: Double
  ) -> (cosine: Double, degrees: Double)? {
    guard a > 0, b > 0 else { return nil }
    let chord = min(4, max(0, (squaredDistance - difference * difference) / a / b))
    return (1 - chord / 2, 2 * asin(chord.squareRoot() / 2) * 180 / .pi)
  }
}

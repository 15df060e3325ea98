#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// From the log odds of a classifier to a chance that is as often right as it says.
///
/// Fitted on log odds of pairs that the classifier had not seen: those of its own training pairs are too sure.
public enum Calibration: Sendable, Codable, Equatable {
  /// The classifier's own chance, `1 / (1 + exp(−z))`.
  case none
  /// `1 / (1 + exp(−(slope · z + intercept)))`.
  /// - Source: Platt, *Probabilistic outputs for support vector machines*, 1999; without his smoothing of outcomes.
  case platt(slope: Double, intercept: Double)
  /// The non-decreasing steps that are closest to the outcomes, straight between them, flat beyond.
  /// - Source: Zadrozny and Elkan, *Transforming classifier scores into accurate multiclass probability estimates*, 2002.
  case isotonic(logOdds: [Double], chances: [Double])

  /// `none`, `Platt`, `isotonic`.
  public var name: String {
    switch self {
    case .none: "none"
    case .platt: "Platt"
    case .isotonic: "isotonic"
    }
  }

  /// Whether it gives chances for whatever it is asked: what a file says may not.
  var isSound: Bool {
    guard case .isotonic(let x, let y) = self else { return true }
    return !x.isEmpty && x.count == y.count && zip(x, x.dropFirst()).allSatisfy { $0 <= $1 }
      && y.allSatisfy { (0...1).contains($0) }
  }

  public func callAsFunction(_ z: Double) -> Double {
    switch self {
    case .none: return LogisticRegression.sigmoid(z)
    case .platt(let slope, let intercept): return LogisticRegression.sigmoid(slope * z + intercept)
    case .isotonic(let x, let y):
      guard let next = x.firstIndex(where: { $0 >= z }) else { return y.last ?? 0.5 }
      guard next > 0 else { return y[0] }
      let t = (z - x[next - 1]) / (x[next] - x[next - 1])
      return y[next - 1] + t * (y[next] - y[next - 1])
    }
  }

  /// Platt's scaling: logistic regression on the log odds. Nil for outcomes that are all the same, and for odds that fall as gains get
  /// more frequent: no scaling repairs those.
  public static func platt(_ logOdds: [Double], _ outcomes: [Bool]) -> Calibration? {
    guard let fit = try? LogisticRegression(logOdds, width: 1, labels: outcomes, penalty: 1e-9), fit.weights[0] > 0
    else {
      return nil
    }
    return .platt(slope: fit.weights[0], intercept: fit.intercept)
  }

  /// Isotonic regression by pooling adjacent violators; scikit-learn's `IsotonicRegression(out_of_bounds="clip")`, with chances that
  /// stay half an outcome away from 0 and 1: what never happened among n is not impossible.
  public static func isotonic(_ logOdds: [Double], _ outcomes: [Bool]) -> Calibration? {
    guard !logOdds.isEmpty, logOdds.count == outcomes.count, logOdds.allSatisfy(\.isFinite) else { return nil }
    struct Block {
      var (first, last, sum, count) = (0.0, 0.0, 0.0, 0.0)
      var mean: Double { sum / count }
    }
    var blocks: [Block] = []
    for index in logOdds.indices.sorted(by: { logOdds[$0] < logOdds[$1] }) {
      let (z, y) = (logOdds[index], outcomes[index] ? 1.0 : 0)
      // Equal odds are one point.
      if let last = blocks.indices.last, blocks[last].first == z, blocks[last].last == z {
        blocks[last].sum += y
        blocks[last].count += 1
      } else {
        blocks.append(Block(first: z, last: z, sum: y, count: 1))
      }
    }
    var pooled: [Block] = []
    for block in blocks {
      pooled.append(block)
      while pooled.count > 1, pooled[pooled.count - 2].mean >= pooled[pooled.count - 1].mean {
        let top = pooled.removeLast()
        pooled[pooled.count - 1].last = top.last
        pooled[pooled.count - 1].sum += top.sum
        pooled[pooled.count - 1].count += top.count
      }
    }
    let margin = 0.5 / Double(logOdds.count)
    let ends = pooled.flatMap { block in
      (block.first == block.last ? [block.first] : [block.first, block.last]).map {
        (z: $0, chance: min(1 - margin, max(margin, block.mean)))
      }
    }
    return .isotonic(logOdds: ends.map(\.z), chances: ends.map(\.chance))
  }

  /// The one of the three that predicts best, by log loss on pairs of models that it was not fitted on.
  /// - Parameters:
  ///   - logOdds: of pairs that the classifier had not seen.
  ///   - members: the two models of each pair.
  static func best(_ logOdds: [Double], _ outcomes: [Bool], members: [(Int, Int)], folds: Int, seed: UInt64)
    -> Calibration
  {
    let fits: [([Double], [Bool]) -> Calibration?] = [{ _, _ in Calibration.none }, platt, isotonic]
    let splits = ModelFolds.splits(members, folds: folds, seed: seed)
    func loss(_ fit: ([Double], [Bool]) -> Calibration?) -> Double {
      var sum = 0.0
      for split in splits {
        guard let own = fit(split.left.map { logOdds[$0] }, split.left.map { outcomes[$0] }) else { return .infinity }
        for index in split.held {
          let p = own(logOdds[index])
          sum -= log(max(1e-15, outcomes[index] ? p : 1 - p))
        }
      }
      return sum
    }
    let losses = fits.map(loss)
    let best = losses.indices.min { losses[$0] < losses[$1] }!
    return fits[best](logOdds, outcomes) ?? .none
  }
}

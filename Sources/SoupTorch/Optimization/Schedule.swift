import Foundation

/// The learning rate as a function of the step. Steps count from 0; the rate of step s is used by step s.
public enum Schedule: Codable, Sendable, Hashable {
  case constant
  /// `base · (1 + cos(π·s/S)) / 2`, from the base rate to almost 0.
  /// - Source: Loshchilov and Hutter, 2017, arXiv:1608.03983.
  case cosine
  /// Rises linearly over the first steps, `base · (s + 1)/(w + 1)`, then a cosine over the rest.
  case warmupCosine(warmupSteps: Int)
  /// Rises linearly from `start · base` over the first `w = max(1, ⌊fraction · S⌋)` steps, then a cosine over the rest:
  /// `base · (start + (1 − start)·s/w)`, then `base · (1 + cos(π·(s − w)/(S − w))) / 2`. No warm-up for a fraction of 0.
  case linearCosine(fraction: Double, start: Double)
  /// Multiplies by `factor` at each of the steps listed.
  case multiStep(steps: [Int], factor: Double)

  /// - Parameters:
  ///   - base: the rate that the schedule scales
  ///   - step: from 0
  ///   - totalSteps: length of the whole training; the cosines end there
  public func learningRate(base: Double, step: Int, totalSteps: Int) -> Double {
    switch self {
    case .constant:
      return base
    case .cosine:
      return base * Self.halfCosine(step, totalSteps)
    case .warmupCosine(let warmup):
      if step < warmup { return base * Double(step + 1) / Double(warmup + 1) }
      return base * Self.halfCosine(step - warmup, totalSteps - warmup)
    case .linearCosine(let fraction, let start):
      let warmup = fraction > 0 ? max(1, Int(fraction * Double(totalSteps))) : 0
      if step < warmup { return base * (start + (1 - start) * Double(step) / Double(warmup)) }
      return base * Self.halfCosine(step - warmup, totalSteps - warmup)
    case .multiStep(let steps, let factor):
      return steps.reduce(base) { $1 <= step ? $0 * factor : $0 }
    }
  }

  /// Whether it ends as a cosine, at 0.
  public var isCosine: Bool {
    switch self {
    case .cosine, .warmupCosine, .linearCosine: true
    case .constant, .multiStep: false
    }
  }

  /// From 1 at step 0 to 0 at `total`.
  private static func halfCosine(_ step: Int, _ total: Int) -> Double {
    guard total > 0 else { return 1 }
    return (1 + cos(.pi * Double(min(max(step, 0), total)) / Double(total))) / 2
  }
}

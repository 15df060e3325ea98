import Foundation
import SoupTensors

/// The inverse temperature β at which `softmax(β f(x))` has the least cross-entropy: calibration by one number.
///
/// The loss is convex in β: its derivative `E[E_p f_Y − f_y]` is found zero by bisection on log β.
/// - Source: Guo et al., 2017, arXiv:1706.04599 (there T = 1/β).
public enum TemperatureScaling {
  /// - Parameters:
  ///   - logits: `[N, classes]` on held-out images.
  ///   - labels: `N` class indices.
  /// - Returns: β in 1e-3…1e3; the end of that range where the best is beyond, as for a model that is always right.
  /// - Throws: `EvaluationError` for shapes that do not agree or logits that are not finite.
  public static func inverseTemperature(_ logits: HostTensor, labels: [Int]) throws(EvaluationError) -> Double {
    let rows = try LogitRows(logits, labels: labels)
    var (low, high) = (log(1e-3), log(1e3))
    if rows.slope(beta: exp(low)) >= 0 { return exp(low) }
    if rows.slope(beta: exp(high)) <= 0 { return exp(high) }
    while high - low > 1e-12 {
      let middle = (low + high) / 2
      guard middle > low, middle < high else { break }
      if rows.slope(beta: exp(middle)) < 0 { low = middle } else { high = middle }
    }
    return exp((low + high) / 2)
  }
}

/// Logits in Float64 with their labels, and means over their rows.
struct LogitRows {
  let values: [Double]
  let classes: Int
  let labels: [Int]

  init(_ logits: HostTensor, labels: [Int]) throws(EvaluationError) {
    guard logits.shape.count == 2, logits.shape[0] == labels.count, !labels.isEmpty, logits.shape[1] > 0 else {
      throw EvaluationError(
        .shape, "\(labels.count) labels need logits of shape [\(labels.count), classes], found \(logits.shape)")
    }
    let classes = logits.shape[1]
    let values = logits.doubles()
    guard values.allSatisfy(\.isFinite), labels.allSatisfy({ (0..<classes).contains($0) }) else {
      throw EvaluationError(.shape, "a logit is not finite, or a label is not one of \(classes) classes")
    }
    self.classes = classes
    self.values = values
    self.labels = labels
  }

  /// Mean cross-entropy of `softmax(β f)` in nats.
  func loss(beta: Double) -> Double {
    mean { row, label in
      let (weights, sum, highest) = softmax(row, beta)
      _ = weights
      return log(sum) - beta * (values[row + label] - highest)
    }
  }

  /// Derivative of the mean loss by β.
  func slope(beta: Double) -> Double {
    mean { row, label in
      let (weights, sum, _) = softmax(row, beta)
      var expected = 0.0
      for index in 0..<classes { expected += weights[index] * values[row + index] }
      return expected / sum - values[row + label]
    }
  }

  /// Mean variance inside a row of what `other` has there, with probabilities `softmax(β f)`.
  func variance(of other: [Double], beta: Double) -> Double {
    mean { row, _ in
      let (weights, sum, _) = softmax(row, beta)
      var (first, second) = (0.0, 0.0)
      // Shifted by one entry: a difference that is the same for all classes has no variance, exactly.
      for index in 0..<classes {
        let d = other[row + index] - other[row]
        first += weights[index] * d
        second += weights[index] * d * d
      }
      return second / sum - (first / sum) * (first / sum)
    }
  }

  private func softmax(_ row: Int, _ beta: Double) -> (weights: [Double], sum: Double, highest: Double) {
    let highest = values[row..<row + classes].max() ?? 0
    let weights = (0..<classes).map { exp(beta * (values[row + $0] - highest)) }
    return (weights, weights.reduce(0, +), highest)
  }

  private func mean(_ value: (_ row: Int, _ label: Int) -> Double) -> Double {
    var sum = 0.0
    for (index, label) in labels.enumerated() { sum += value(index * classes, label) }
    return sum / Double(labels.count)
  }
}

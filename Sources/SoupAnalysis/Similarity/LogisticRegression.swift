#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// `P(y = 1 | x) = 1 / (1 + exp(−(w · x + b)))`, with the weights that minimise `Σ log(1 + exp(∓(w · x + b))) + ½ λ ‖w‖²`.
///
/// The intercept is not penalised. With λ = 1/C these are the weights of scikit-learn's `LogisticRegression(C=C)`.
public struct LogisticRegression: Sendable, Codable, Equatable {
  public let weights: [Double]
  public let intercept: Double

  /// Newton's method, with halved steps where a whole one does not descend.
  /// - Parameters:
  ///   - rows: row-major, `labels.count × width`.
  ///   - penalty: λ, above 0: separable labels then have finite weights.
  ///   - start: where to begin, such as the weights of a neighbouring penalty; from zero by default. The minimum is the same.
  ///   - tolerance: ends where a step lowers the objective by less than this share of it.
  /// - Throws: `AnalysisError` for lengths that do not fit, labels that are all equal, or values that are not finite.
  public init(
    _ rows: [Double], width: Int, labels: [Bool], penalty: Double = 1, start: LogisticRegression? = nil,
    tolerance: Double = 1e-13
  ) throws(AnalysisError) {
    try LinearSystem.check(rows, width, labels.count, penalty)
    guard labels.contains(true), labels.contains(false) else {
      throw AnalysisError(.tooFew, "a classifier needs both outcomes; all \(labels.count) are the same")
    }
    let size = width + 1
    var theta = start.map { $0.weights + [$0.intercept] } ?? [Double](repeating: 0, count: size)
    guard theta.count == size else {
      throw AnalysisError(.length, "a start of \(theta.count - 1) weights, expected \(width)")
    }
    var value = Self.objective(theta, rows, width, labels, penalty)
    for _ in 0..<100 {
      let (gradient, hessian) = Self.derivatives(theta, rows, width, labels, penalty)
      guard let step = LinearSystem.solve(hessian, gradient, size) else { break }
      var length = 1.0
      var next = theta
      var nextValue = value
      repeat {
        next = zip(theta, step).map { $0 - length * $1 }
        nextValue = Self.objective(next, rows, width, labels, penalty)
        length /= 2
      } while nextValue > value && length > 1e-8
      let descent = value - nextValue
      if descent > 0 { (theta, value) = (next, nextValue) }
      if descent <= tolerance * abs(value) { break }
    }
    weights = Array(theta.dropLast())
    intercept = theta[width]
  }

  init(weights: [Double], intercept: Double) {
    (self.weights, self.intercept) = (weights, intercept)
  }

  /// `w · x + b`: the logarithm of the odds.
  public func logOdds(_ row: some Collection<Double>) -> Double {
    zip(row, weights).reduce(intercept) { $0 + $1.0 * $1.1 }
  }

  public func probability(_ row: some Collection<Double>) -> Double { Self.sigmoid(logOdds(row)) }

  static func sigmoid(_ z: Double) -> Double { z >= 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z)) }

  /// `−log P(what happened)` at these log odds.
  static func loss(_ logOdds: Double, _ label: Bool) -> Double {
    let margin = label ? -logOdds : logOdds
    return margin > 0 ? margin + log1p(exp(-margin)) : log1p(exp(margin))
  }

  /// The gradient, and the lower triangle of the Hessian.
  private static func derivatives(
    _ theta: [Double], _ rows: [Double], _ width: Int, _ labels: [Bool], _ penalty: Double
  ) -> ([Double], [Double]) {
    let size = width + 1
    var gradient = theta.enumerated().map { $0.offset < width ? penalty * $0.element : 0 }
    var hessian = [Double](repeating: 0, count: size * size)
    for i in 0..<width { hessian[i * size + i] = penalty }
    var row = [Double](repeating: 1, count: size)
    // Nearly all time of a cross-validated fit is spent here: without the arrays' checks.
    rows.withUnsafeBufferPointer { rows in
      gradient.withUnsafeMutableBufferPointer { gradient in
        hessian.withUnsafeMutableBufferPointer { hessian in
          row.withUnsafeMutableBufferPointer { row in
            for index in labels.indices {
              var z = theta[width]
              for i in 0..<width {
                row[i] = rows[index * width + i]
                z += theta[i] * row[i]
              }
              let p = sigmoid(z)
              let (error, weight) = (p - (labels[index] ? 1 : 0), p * (1 - p))
              for i in 0..<size {
                gradient[i] += error * row[i]
                let (scaled, start) = (weight * row[i], i * size)
                for j in 0...i { hessian[start + j] += scaled * row[j] }
              }
            }
          }
        }
      }
    }
    return (gradient, hessian)
  }

  private static func objective(
    _ theta: [Double], _ rows: [Double], _ width: Int, _ labels: [Bool], _ penalty: Double
  ) -> Double {
    var sum = theta.dropLast().reduce(0) { $0 + $1 * $1 } * penalty / 2
    rows.withUnsafeBufferPointer { rows in
      for (index, label) in labels.enumerated() {
        var z = theta[width]
        for i in 0..<width { z += theta[i] * rows[index * width + i] }
        sum += loss(z, label)
      }
    }
    return sum
  }
}

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

  /// Newton's method from zero, with halved steps where a whole one does not descend.
  /// - Parameters:
  ///   - rows: row-major, `labels.count × width`.
  ///   - penalty: λ, above 0: separable labels then have finite weights.
  /// - Throws: `AnalysisError` for lengths that do not fit, labels that are all equal, or values that are not finite.
  public init(_ rows: [Double], width: Int, labels: [Bool], penalty: Double = 1) throws(AnalysisError) {
    try LinearSystem.check(rows, width, labels.count, penalty)
    guard labels.contains(true), labels.contains(false) else {
      throw AnalysisError(.tooFew, "a classifier needs both outcomes; all \(labels.count) are the same")
    }
    let size = width + 1
    var theta = [Double](repeating: 0, count: size)
    var value = Self.objective(theta, rows, width, labels, penalty)
    for _ in 0..<100 {
      var gradient = theta.enumerated().map { $0.offset < width ? penalty * $0.element : 0 }
      var hessian = [Double](repeating: 0, count: size * size)
      for i in 0..<width { hessian[i * size + i] = penalty }
      for (index, label) in labels.enumerated() {
        let row = rows[index * width..<(index + 1) * width] + [1]
        let p = Self.sigmoid(zip(row, theta).reduce(0) { $0 + $1.0 * $1.1 })
        let x = Array(row)
        for i in 0..<size {
          gradient[i] += (p - (label ? 1 : 0)) * x[i]
          let scaled = p * (1 - p) * x[i]
          for j in 0...i { hessian[i * size + j] += scaled * x[j] }
        }
      }
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
      if descent <= 1e-13 * abs(value) { break }
    }
    weights = Array(theta.dropLast())
    intercept = theta[width]
  }

  public func probability(_ row: some Collection<Double>) -> Double {
    Self.sigmoid(zip(row, weights).reduce(intercept) { $0 + $1.0 * $1.1 })
  }

  private static func sigmoid(_ z: Double) -> Double { z >= 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z)) }

  private static func objective(
    _ theta: [Double], _ rows: [Double], _ width: Int, _ labels: [Bool], _ penalty: Double
  ) -> Double {
    var sum = theta.dropLast().reduce(0) { $0 + $1 * $1 } * penalty / 2
    for (index, label) in labels.enumerated() {
      var z = theta[width]
      for i in 0..<width { z += theta[i] * rows[index * width + i] }
      let margin = label ? -z : z
      sum += margin > 0 ? margin + log1p(exp(-margin)) : log1p(exp(margin))
    }
    return sum
  }
}

/// `y ≈ w · x + b`, with the weights that minimise `Σ (y − w · x − b)² + λ ‖w‖²`: scikit-learn's `Ridge(alpha=λ)`.
public struct RidgeRegression: Sendable, Codable, Equatable {
  public let weights: [Double]
  public let intercept: Double

  /// - Throws: as `LogisticRegression`.
  public init(_ rows: [Double], width: Int, values: [Double], penalty: Double = 1) throws(AnalysisError) {
    try LinearSystem.check(rows, width, values.count, penalty)
    let n = Double(values.count)
    let means = (0..<width).map { i in
      stride(from: i, to: rows.count, by: width).reduce(0) { $0 + rows[$1] } / n
    }
    let mean = values.reduce(0, +) / n
    var matrix = [Double](repeating: 0, count: width * width)
    var target = [Double](repeating: 0, count: width)
    for i in 0..<width { matrix[i * width + i] = penalty }
    for (index, value) in values.enumerated() {
      for i in 0..<width {
        let x = rows[index * width + i] - means[i]
        target[i] += x * (value - mean)
        for j in 0...i { matrix[i * width + j] += x * (rows[index * width + j] - means[j]) }
      }
    }
    guard let weights = LinearSystem.solve(matrix, target, width) else {
      throw AnalysisError(.degenerate, "the columns of a regression depend on each other")
    }
    self.weights = weights
    intercept = mean - zip(weights, means).reduce(0) { $0 + $1.0 * $1.1 }
  }

  public func value(_ row: some Collection<Double>) -> Double {
    zip(row, weights).reduce(intercept) { $0 + $1.0 * $1.1 }
  }
}

/// Small symmetric systems.
enum LinearSystem {
  static func check(_ rows: [Double], _ width: Int, _ count: Int, _ penalty: Double) throws(AnalysisError) {
    guard width > 0, count > 1, rows.count == width * count else {
      throw AnalysisError(.length, "\(count) rows of \(width) values expected, found \(rows.count) values")
    }
    guard penalty > 0, rows.allSatisfy(\.isFinite) else {
      throw AnalysisError(.range, "a regression needs a penalty above 0 and finite values")
    }
  }

  /// Cholesky; only the lower triangle is read. Nil where the matrix is not positive definite.
  static func solve(_ matrix: [Double], _ target: [Double], _ n: Int) -> [Double]? {
    var factor = matrix
    for i in 0..<n {
      for j in 0...i {
        var sum = factor[i * n + j]
        for k in 0..<j { sum -= factor[i * n + k] * factor[j * n + k] }
        if i == j {
          guard sum > 0 else { return nil }
          factor[i * n + i] = sum.squareRoot()
        } else {
          factor[i * n + j] = sum / factor[j * n + j]
        }
      }
    }
    var x = target
    for i in 0..<n {
      for k in 0..<i { x[i] -= factor[i * n + k] * x[k] }
      x[i] /= factor[i * n + i]
    }
    for i in (0..<n).reversed() {
      for k in i + 1..<max(n, i + 1) { x[i] -= factor[k * n + i] * x[k] }
      x[i] /= factor[i * n + i]
    }
    return x
  }
}

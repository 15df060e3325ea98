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

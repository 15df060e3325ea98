/// The mixtures of three models whose weights are multiples of `1/steps`: a triangular grid of `(n+1)(n+2)/2` points.
public enum SimplexGrid {
  /// - Parameter steps: at least 1.
  /// - Returns: weights of the three models, each at least 0, summing to 1; the corners are exact.
  public static func points(steps: Int) -> [[Double]] {
    precondition(steps > 0, "a grid needs at least one step")
    return (0...steps).flatMap { third in
      (0...(steps - third)).map { second in
        [steps - second - third, second, third].map { Double($0) / Double(steps) }
      }
    }
  }
}

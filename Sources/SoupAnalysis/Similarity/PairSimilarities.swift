/// How alike every two of some models are, by several measures: one column a measure, one row a pair.
///
/// Measures are named as in published tables: `l2_distance`, `cosine_similarity`, `kl_logits`, …
public struct PairSimilarities: Sendable, Codable, Equatable {
  public struct Column: Sendable, Codable, Equatable {
    public var measure: String
    /// Of every pair, in the order of `pairs`; nil where it is not defined.
    public var values: [Double?]

    public init(measure: String, values: [Double?]) {
      self.measure = measure
      self.values = values
    }
  }

  /// Names of models.
  public let models: [String]
  public private(set) var columns: [Column] = []

  public init(models: [String]) { self.models = models }

  /// `n (n − 1) / 2`.
  public var pairCount: Int { models.count * (models.count - 1) / 2 }
  public var measures: [String] { columns.map(\.measure) }

  /// Pairs of indices a < b, b running fastest.
  public var pairs: [(a: Int, b: Int)] {
    models.indices.flatMap { a in (a + 1..<max(a + 1, models.count)).map { (a, $0) } }
  }

  /// The position of a pair of two models in `pairs`.
  public func place(_ i: Int, _ j: Int) -> Int {
    let (a, b) = (min(i, j), max(i, j))
    return a * models.count - a * (a + 1) / 2 + b - a - 1
  }

  /// Adds a measure of every pair.
  public mutating func add(_ measure: String, _ value: (Int, Int) throws -> Double?) rethrows {
    columns.append(Column(measure: measure, values: try pairs.map { try value($0.a, $0.b) }))
  }

  /// Adds a measure by its value for every pair, in the order of `pairs`.
  public mutating func add(_ measure: String, values: [Double?]) {
    precondition(values.count == pairCount, "a value for each of \(pairCount) pairs")
    columns.append(Column(measure: measure, values: values))
  }

  public subscript(_ measure: String) -> [Double?]? { columns.first { $0.measure == measure }?.values }

  /// All measures of one pair that are defined.
  public func values(ofPair place: Int) -> [String: Double] {
    var values: [String: Double] = [:]
    for column in columns { values[column.measure] = column.values[place] }
    return values
  }

  /// A symmetric matrix by row, with a value for the diagonal; NaN where the measure is not defined.
  public func matrix(_ measure: String, diagonal: Double) -> [Double]? {
    guard let values = self[measure] else { return nil }
    let n = models.count
    var matrix = [Double](repeating: diagonal, count: n * n)
    for (pair, value) in zip(pairs, values) {
      matrix[pair.a * n + pair.b] = value ?? .nan
      matrix[pair.b * n + pair.a] = value ?? .nan
    }
    return matrix
  }

  /// Whether larger values say that two models are more alike.
  public static func growsWithLikeness(_ measure: String) -> Bool {
    measure.contains("cosine") || measure.contains("cka") || measure.contains("agreement")
  }
}

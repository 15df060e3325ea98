import Foundation
import SoupTensors

/// Several models asked together, at the cost of all of them: means of what they say, summed in Float64.
/// - Source: Wortsman et al., 2022, arXiv:2203.05482, table 2 (outputs are not normalised before the mean).
public enum Ensemble {
  /// What is averaged.
  public enum Method: String, Codable, Sendable, CaseIterable {
    /// `f(x) = (1/k) · Σᵢ fᵢ(x)`, as *Model soups* does: a confident member speaks louder.
    case logits
    /// `p(x) = (1/k) · Σᵢ softmax fᵢ(x)`, as deep ensembles do: every member has one vote to share out.
    case probabilities
  }

  /// The mean of logits.
  /// - Parameter logits: of each member, all `[N, classes]`.
  /// - Returns: `[N, classes]` float32.
  /// - Throws: `EvaluationError.Code.shape` for no members or different shapes.
  public static func logits(_ logits: [HostTensor]) throws -> HostTensor { try mean(logits, by: .logits) }

  /// A weighted mean of logits: `Σ wᵢ fᵢ(x)`, with weights that sum to 1.
  /// - Throws: `EvaluationError.Code.shape` for no members, different shapes, or another number of weights.
  public static func logits(_ logits: [HostTensor], weights: [Double]) throws -> HostTensor {
    guard let shape = logits.first?.shape, logits.allSatisfy({ $0.shape == shape }), weights.count == logits.count
    else {
      throw EvaluationError(
        .shape, "\(weights.count) weights need as many members with logits of one shape, found \(logits.map(\.shape))")
    }
    var sums = [Double](repeating: 0, count: shape.reduce(1, *))
    for (member, weight) in zip(logits, weights) {
      for (index, value) in member.floats().enumerated() { sums[index] += weight * Double(value) }
    }
    return try HostTensor(floats: sums.map { Float($0) }, shape: shape)
  }

  /// The mean by either method.
  /// - Returns: `[N, classes]` float32; for probabilities the logarithm of the mean, whose softmax is the mean itself.
  /// - Throws: `EvaluationError.Code.shape` for no members or different shapes.
  public static func mean(_ logits: [HostTensor], by method: Method) throws -> HostTensor {
    guard let shape = logits.first?.shape, shape.count == 2, logits.allSatisfy({ $0.shape == shape }) else {
      throw EvaluationError(
        .shape, "an ensemble needs members with logits of one shape, found \(logits.map(\.shape))")
    }
    var sum = EnsembleSum(method, shape: shape)
    for member in logits { sum.add(EnsembleSum.terms(of: member, method)) }
    return try sum.mean()
  }
}

/// What the members of an ensemble say, added up.
struct EnsembleSum {
  private let method: Ensemble.Method
  private let shape: [Int]
  private var sums: [Double]
  private(set) var count = 0

  init(_ method: Ensemble.Method, shape: [Int]) {
    self.method = method
    self.shape = shape
    sums = [Double](repeating: 0, count: shape.reduce(1, *))
  }

  /// What one member adds: its logits, or its probabilities.
  static func terms(of logits: HostTensor, _ method: Ensemble.Method) -> [Double] {
    let values = logits.doubles()
    guard method == .probabilities else { return values }
    let classes = logits.shape[1]
    return [Double](unsafeUninitializedCapacity: values.count) { target, initialized in
      initialized = values.count
      for row in stride(from: 0, to: values.count, by: classes) {
        let highest = values[row..<row + classes].max() ?? 0
        var sum = 0.0
        for index in row..<row + classes {
          let value = exp(values[index] - highest)
          target.initializeElement(at: index, to: value)
          sum += value
        }
        for index in row..<row + classes { target[index] /= sum }
      }
    }
  }

  mutating func add(_ terms: [Double]) {
    sums.withUnsafeMutableBufferPointer { sums in
      terms.withUnsafeBufferPointer { terms in for index in sums.indices { sums[index] += terms[index] } }
    }
    count += 1
  }

  /// The mean with one more member, who does not join.
  func mean(with terms: [Double]? = nil) throws -> HostTensor {
    var copy = self
    if let terms { copy.add(terms) }
    let scale = Double(copy.count)
    // A probability of zero would become -∞, which counts as broken: the smallest float stands for it.
    let floats: [Float] =
      method == .logits
      ? copy.sums.map { Float($0 / scale) } : copy.sums.map { Float(log(max($0 / scale, 1e-45))) }
    return try HostTensor(floats: floats, shape: shape)
  }
}

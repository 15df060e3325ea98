import Foundation
import SoupTensors
import SoupTorch

/// How undecided images are between their nearest neighbours: low where features form tight clusters, and asked of features
/// alone, without labels.
///
/// `S = Z Zᵀ` of features normalised to length 1, the diagonal left out; of each row the k largest, `p = softmax(S_topk / T)`,
/// `H = −Σ p log max(p, 1e-12)`. The result is the mean of H over the batch, in nats, from 0 to `ln k`, which constant features
/// have.
/// - Source: arXiv:2602.02890, section 4.5 (Self-Seasoning).
public struct NeighbourEntropy: Codable, Sendable, Hashable {
  /// k, at least 2: one neighbour leaves nothing to be undecided about.
  public var neighbours: Int
  /// T
  public var temperature: Double

  public init(neighbours: Int = 16, temperature: Double = 0.07) {
    self.neighbours = neighbours
    self.temperature = temperature
  }

  /// The largest value there is: `ln k`.
  public var bound: Double { log(Double(neighbours)) }

  /// - Parameter features: `[B, D]`, of any lengths; B at least k + 1.
  /// - Returns: a scalar, float32, with gradients with respect to the features.
  /// - Throws: `SeasoningError.Code.badConfiguration` for fewer images than k + 1.
  public func callAsFunction(_ features: Tensor) throws -> Tensor {
    let count = features.shape[0]
    try check(images: count)
    let z = try features.to(.float32).normalizedRows()
    let similarities = try z.matmul(z.transpose(0, 1)) + Self.diagonal(count, on: features.device)
    let p = try similarities.topK(neighbours).values.softmaxed(temperature)
    return try -(p * p.clamped(to: 1e-12...1).log()).sum(over: [1]).mean()
  }

  /// Refuses numbers that have no meaning.
  /// - Throws: `SeasoningError.Code.badConfiguration`.
  func check(images count: Int) throws(SeasoningError) {
    var problems: [String] = []
    if neighbours < 2 {
      problems.append("an entropy needs at least 2 neighbours, found \(neighbours)")
    } else if count < neighbours + 1 {
      problems.append(
        "\(neighbours) neighbours of each image need batches of at least \(neighbours + 1) images, found \(count): ask for "
          + "larger batches, or fewer neighbours")
    }
    if !(temperature > 0 && temperature.isFinite) {
      problems.append("the temperature must be above 0, found \(temperature)")
    }
    guard problems.isEmpty else { throw SeasoningError(.badConfiguration, problems.joined(separator: "\n")) }
  }

  /// −∞ on the diagonal, 0 elsewhere.
  private static func diagonal(_ count: Int, on device: Device) throws -> Tensor {
    let values = try HostTensor(dtype: .float32, shape: [count, count]) { bytes in
      let values = bytes.bindMemory(to: Float.self)
      values.update(repeating: 0)
      for index in 0..<count { values[index * count + index] = -.infinity }
    }
    return try Tensor(values, device: device)
  }
}

extension Tensor {
  /// Softmax of the rows over a temperature.
  fileprivate func softmaxed(_ temperature: Double) throws -> Tensor { try (self / temperature).softmax(over: 1) }
}

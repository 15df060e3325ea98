import Foundation

/// The numbers that a learned soup learns: one softmax over the ingredients for the whole model, or one for each trained
/// tensor, and a temperature β.
///
/// `α_r = softmax(a_r)`, `θ_t = Σᵢ α_{r(t),i} θ_{i,t}`. All `a` start at 0, the uniform soup, and β at 1.
/// - Source: Wortsman et al., 2022, arXiv:2203.05482, section 4 and appendix I.
public struct MixtureCoefficients: Codable, Sendable, Hashable {
  /// What shares one softmax.
  public enum Extent: String, Codable, Sendable, CaseIterable {
    /// The whole model: k numbers.
    case model
    /// Each trained tensor: tensors × k numbers.
    case tensor
  }

  /// `a`, `[rows][ingredients]`.
  public private(set) var raw: [[Double]]
  /// β: multiplies the logits before the loss. It changes no prediction, only confidence.
  public private(set) var temperature = 1.0
  /// AdamW's moments, of `a` row by row and then of β.
  private var first: [Double]
  private var second: [Double]
  private var steps = 0

  public init(rows: Int, ingredients: Int) {
    raw = Array(repeating: Array(repeating: 0, count: ingredients), count: rows)
    first = Array(repeating: 0, count: rows * ingredients + 1)
    second = first
  }

  /// `α`, `[rows][ingredients]`; every row sums to 1.
  public var weights: [[Double]] { raw.map(Self.softmax) }

  /// The mean of the rows: the share of each ingredient in the model, and in its running statistics.
  public var meanWeights: [Double] {
    let weights = weights
    return raw[0].indices.map { index in weights.reduce(0) { $0 + $1[index] } / Double(weights.count) }
  }

  /// The gradient with respect to `a`, from that with respect to `α`: `∂L/∂aᵢ = αᵢ (∂L/∂αᵢ − Σⱼ αⱼ ∂L/∂αⱼ)`.
  public func chain(_ gradient: [[Double]]) -> [[Double]] {
    zip(weights, gradient).map { weights, gradient in
      let mean = zip(weights, gradient).reduce(0) { $0 + $1.0 * $1.1 }
      return zip(weights, gradient).map { $0 * ($1 - mean) }
    }
  }

  /// One step of AdamW (β₁ 0.9, β₂ 0.999, ε 1e-8, no weight decay), in Float64.
  /// - Parameters:
  ///   - gradient: with respect to `a`.
  ///   - temperature: with respect to β; nil leaves β alone.
  public mutating func step(_ gradient: [[Double]], temperature slope: Double?, learningRate: Double) {
    steps += 1
    let width = raw[0].count
    for row in raw.indices {
      for index in 0..<width {
        raw[row][index] -= learningRate * direction(gradient[row][index], at: row * width + index)
      }
    }
    if let slope { temperature -= learningRate * direction(slope, at: raw.count * width) }
  }

  private mutating func direction(_ gradient: Double, at index: Int) -> Double {
    first[index] += 0.1 * (gradient - first[index])
    second[index] = 0.999 * second[index] + 0.001 * gradient * gradient
    let mean = first[index] / (1 - pow(0.9, Double(steps)))
    let scale = (second[index] / (1 - pow(0.999, Double(steps)))).squareRoot()
    return mean / (scale + 1e-8)
  }

  static func softmax(_ values: [Double]) -> [Double] {
    let highest = values.max() ?? 0
    let powers = values.map { exp($0 - highest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  /// Whether all numbers are finite.
  var isFinite: Bool { temperature.isFinite && raw.allSatisfy { $0.allSatisfy(\.isFinite) } }
}

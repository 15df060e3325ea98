import SoupModels
import SoupTensors
import SoupTorch

/// A loss of a mixture at given coefficients, and its exact derivatives, from one forward and one backward pass of one
/// model.
///
/// Any `L(θ(α))` of the mixed model in evaluation mode; for a learned soup `CE(β · f(x; θ(α)), y)`. With `g_t = ∂L/∂θ_t` at the
/// mixed weights, `∂L/∂α_{t,i} = ⟨g_t, θ_{i,t}⟩`.
/// Batch norm's running statistics are mixed by the mean of all rows, `ᾱ`, and their part of the derivative is exact too:
/// with `s = √(σ² + ε)`, `∂L/∂μ = −γ/s · ∂L/∂β` and `∂L/∂σ² = −γ/(2s²) · ∂L/∂γ`, of the norm's shift β and scale γ.
public final class MixtureGradient {
  /// A loss and its derivatives.
  public struct Value: Sendable {
    /// Mean cross-entropy of the batch in nats.
    public let loss: Double
    /// Images whose highest logit is the label's.
    public let right: Int
    /// With respect to α: `[rows][ingredients]`.
    public let weights: [[Double]]
    /// With respect to β.
    public let temperature: Double
  }

  public let mixture: StreamedMixture
  public let extent: MixtureCoefficients.Extent
  private let model: any Network
  private let precision: Precision
  /// Where each batch norm's four vectors are among the mixed tensors.
  private let norms: [(weight: Int, bias: Int, mean: Int, variance: Int, norm: BatchNorm2d)]
  /// Positions of parameters among the mixed tensors.
  private let parameters: [Int]

  /// - Throws: what `StreamedMixture` throws; `SeasoningError.Code.unsupported` for running statistics that belong to no
  ///   batch norm of the model.
  public init(
    _ mixture: StreamedMixture, model: any Network, extent: MixtureCoefficients.Extent, precision: Precision = .float32
  ) {
    self.mixture = mixture
    self.model = model
    self.extent = extent
    self.precision = precision
    var places: [ObjectIdentifier: Int] = [:]
    let tensors = model.store.entries.filter { $0.tensor.dtype.isFloatingPoint }.map(\.tensor)
    for (index, tensor) in tensors.enumerated() { places[ObjectIdentifier(tensor)] = index }
    norms = model.batchNorms.compactMap { norm in
      let found = [norm.weight, norm.bias, norm.runningMean, norm.runningVariance].map { places[ObjectIdentifier($0)] }
      guard let weight = found[0], let bias = found[1], let mean = found[2], let variance = found[3] else { return nil }
      return (weight, bias, mean, variance, norm)
    }
    parameters = mixture.isParameter.indices.filter { mixture.isParameter[$0] }
  }

  /// Rows of coefficients that this extent has.
  public var rowCount: Int { extent == .model ? 1 : parameters.count }

  /// The weights of every mixed tensor, from the coefficients' rows: `[tensor][ingredient]`.
  public func tensorWeights(_ coefficients: MixtureCoefficients) -> [[Double]] {
    let (rows, mean) = (coefficients.weights, coefficients.meanWeights)
    guard extent == .tensor else { return Array(repeating: rows[0], count: mixture.names.count) }
    var row = 0
    return mixture.isParameter.map { isParameter in
      guard isParameter else { return mean }
      defer { row += 1 }
      return rows[row]
    }
  }

  /// Mixes the model, runs the batch, and derives the cross-entropy.
  /// - Parameters:
  ///   - images: `[N, C, H, W]`
  ///   - labels: `[N]` int64
  public func callAsFunction(_ coefficients: MixtureCoefficients, images: Tensor, labels: Tensor) throws -> Value {
    let temperature = try Tensor([Float(coefficients.temperature)], shape: []).to(images.device)
    try temperature.requireGradient()
    var right = 0.0
    let (loss, weights) = try derivatives(coefficients) { model in
      let logits = try withAutocast(precision, device: images.device) { try model(images, training: false) }
      right = try logits.detach().argmax(over: 1).equal(labels).to(.float32).sum().item()
      return try crossEntropy(logits.to(.float32) * temperature, labels: labels)
    }
    return Value(
      loss: loss, right: Int(right), weights: weights, temperature: try temperature.gradient?.item() ?? 0)
  }

  /// Mixes the model, asks for a loss of it, and derives that.
  /// - Parameter loss: a scalar of the model as it is mixed, with the graph behind it; batch norms must be in evaluation mode.
  /// - Returns: the loss, and its derivatives with respect to α: `[rows][ingredients]`.
  public func derivatives(
    _ coefficients: MixtureCoefficients, of loss: (any Network) throws -> Tensor
  ) throws -> (loss: Double, weights: [[Double]]) {
    try mixture.mix(tensorWeights(coefficients))
    let entries = model.store.entries.filter { $0.tensor.dtype.isFloatingPoint }
    for entry in entries where entry.isParameter {
      try entry.tensor.requireGradient()
      entry.tensor.clearGradient()
    }
    let value = try loss(model)
    try value.backward()

    var gradients = try entries.map { try $0.tensor.gradient?.to(.float32).host() }
    for entry in entries { entry.tensor.clearGradient() }
    for place in norms {
      (gradients[place.mean], gradients[place.variance]) = try Self.statistics(
        place.norm, scale: gradients[place.weight], shift: gradients[place.bias])
    }
    return (try value.item(), rows(try mixture.products(gradients)))
  }

  /// Sums the tensors' products into the rows that they share.
  private func rows(_ products: [[Double]]) -> [[Double]] {
    func sum(_ indices: some Sequence<Int>) -> [Double] {
      indices.reduce(into: Array(repeating: 0, count: mixture.paths.count)) { sum, index in
        for ingredient in sum.indices { sum[ingredient] += products[index][ingredient] }
      }
    }
    guard extent == .tensor else { return [sum(products.indices)] }
    let statistics = sum(products.indices.filter { !mixture.isParameter[$0] })
    return parameters.map { index in
      zip(products[index], statistics).map { $0 + $1 / Double(parameters.count) }
    }
  }

  private static func statistics(
    _ norm: BatchNorm2d, scale: HostTensor?, shift: HostTensor?
  ) throws -> (mean: HostTensor?, variance: HostTensor?) {
    guard let scale, let shift else { return (nil, nil) }
    let (weights, variances) = (try norm.weight.detach().host().floats(), try norm.runningVariance.host().floats())
    let (scales, shifts) = (scale.floats(), shift.floats())
    var means: [Float] = []
    var spreads: [Float] = []
    for channel in weights.indices {
      let square = Double(variances[channel]) + norm.epsilon
      means.append(Float(-Double(weights[channel]) / square.squareRoot() * Double(shifts[channel])))
      spreads.append(Float(-0.5 * Double(weights[channel]) / square * Double(scales[channel])))
    }
    return (try HostTensor(floats: means, shape: [means.count]), try HostTensor(floats: spreads, shape: [means.count]))
  }
}

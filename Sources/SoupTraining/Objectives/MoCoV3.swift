import Foundation
import SoupModels
import SoupTensors
import SoupTorch

/// MoCo v3: each view's prediction must tell its own image's key from those of the other images in the batch.
///
/// ```text
/// original   q₁, q₂ = h(g(f(x₁))), h(g(f(x₂)))       m ← μ·m + (1 − μ)·θ       k₁, k₂ = g_m(f_m(x₁)), g_m(f_m(x₂))
///            loss = ctr(q₁, k₂) + ctr(q₂, k₁)
/// light      q = h(f(x₁)),  k = f(x₂) without gradient,  loss = ctr(q, k)
///            ctr(q, k) = 2T · CE(normalised q · normalised kᵀ / T, the diagonal)
/// ```
/// f is the model, g the projector, h the predictor, f_m and g_m their momentum copy, which moves before the keys are made.
/// Heads: linear layers without bias, batch norm and ReLU between them; the projector ends in a batch norm without scale and
/// shift, and so does the predictor behind a ViT. The light head is linear, GELU, linear. Logits are float32.
/// - Source: Chen, Xie and He, 2021, arXiv:2104.02057; the light variant is Self-Soupervision's, 2026, arXiv:2602.02890.
public final class MoCoV3: Objective {
  public let views = 2
  public let head: ParameterStore
  public let configuration: MoCoV3Configuration
  private let predictor: ProjectionHead
  /// The original's, nil in the light variant.
  private let target: (projector: ProjectionHead, momentum: MomentumEncoder)?

  /// Freezes the patch projection of a ViT if the configuration says so: make the optimiser afterwards.
  /// - Parameters:
  ///   - model: the ingredient, with the weights it starts from.
  ///   - generator: where the heads' initial weights come from.
  public init(_ configuration: MoCoV3Configuration, model: any Model, generator: RandomGenerator) throws {
    self.configuration = configuration
    head = ParameterStore(generator: generator, device: model.store.device)
    let width = model.featureWidth
    switch configuration.variant {
    case .light:
      predictor = try ProjectionHead(
        head.root / "head", inputs: width, widths: configuration.projector ?? [4 * width, width], style: .gelu)
      target = nil
      guard predictor.width == width else {
        throw TrainingError(
          .badConfiguration,
          "the light variant compares its head's output with bare features: the projector must end in \(width), found "
            + "\(predictor.width)")
      }
    case .original:
      let isTransformer = model.configuration.transformer != nil
      let widths = configuration.projector ?? (isTransformer ? [4096, 4096, 256] : [4096, 256])
      func projector(_ scope: Scope) throws -> ProjectionHead {
        try ProjectionHead(
          scope / "projector", inputs: width, widths: widths, style: .batchNorm(endsInNorm: true, bias: false))
      }
      let online = try projector(head.root)
      predictor = try ProjectionHead(
        head.root / "predictor", inputs: online.width, widths: configuration.predictor ?? [4096, online.width],
        style: .batchNorm(endsInNorm: isTransformer, bias: false))
      guard predictor.width == online.width else {
        throw TrainingError(
          .badConfiguration,
          "the predictor guesses the projector's output: both must end in the same width, found \(predictor.width) and "
            + "\(online.width)")
      }
      target = (online, try MomentumEncoder(of: model, head: head, projector: projector))
      if configuration.freezesPatchProjection { try model.freezePatchProjection() }
    }
  }

  /// The original's first values of a ViT: Xavier for all linear layers (q, k and v each by itself) and the patch projection, biases
  /// 0, CLS normal with deviation 1e-6.
  public func initialize(_ model: any Model) throws {
    guard configuration.variant == .original, model.configuration.transformer != nil else { return }
    for (name, tensor) in model.store.parameters where name != "pos_embed" && !name.hasPrefix("head.") {
      let initializer: Initializer?
      switch (name, tensor.rank) {
      case ("cls_token", _): initializer = .normal(mean: 0, standardDeviation: 1e-6)
      case (_, 2...) where name.hasSuffix(".weight"):
        let outputs = tensor.shape[0]
        let width = name.hasSuffix("qkv.weight") ? outputs / 3 : outputs
        initializer = .xavierUniform(fanIn: tensor.count / outputs, fanOut: width)
      case ("patch_embed.proj.bias", _): initializer = .zeros
      default: initializer = nil
      }
      try initializer.map { try tensor.draw($0, generator: model.store.generator) }
    }
    try target?.momentum.begin()
  }

  public func loss(_ model: any Model, _ batch: TrainingBatch) throws -> Tensor {
    try batch.require(views: views, images: 2, "MoCo v3 tells images of a batch apart")
    let (first, second) = (batch.views[0], batch.views[1])
    guard let target else {
      let query = try predictor(model.features(first, training: true))
      let key = try withoutGradients { try model.features(second, training: true) }
      return try Self.contrast(query, key, temperature: configuration.temperature)
    }
    let queries = try [first, second].map { try predictor(target.projector(model.features($0, training: true))) }
    try target.momentum.follow(
      momentum: Self.momentum(
        configuration.targetMomentum, epoch: batch.epoch, totalEpochs: batch.totalEpochs))
    let keys = try [first, second].map { try target.momentum($0) }
    return try Self.contrast(queries[0], keys[1], temperature: configuration.temperature)
      + Self.contrast(queries[1], keys[0], temperature: configuration.temperature)
  }

  public func state() throws -> StateDict { try target?.momentum.state() ?? StateDict() }
  public func restore(_ state: StateDict) throws { try target?.momentum.restore(state) }

  /// `2T · CE(q·kᵀ / T, diagonal)` of rows at length 1, in float32; gradients reach both.
  /// - Parameters:
  ///   - queries: `[N, D]`
  ///   - keys: `[N, D]`; row i is the match of query i, the others are what it must not match.
  public static func contrast(_ queries: Tensor, _ keys: Tensor, temperature: Double) throws -> Tensor {
    try withAutocast(.float32, device: queries.device) {
      let q = try queries.to(.float32).normalized()
      let k = try keys.to(.float32).normalized()
      let logits = try q.matmul(k.transpose(0, 1)) / temperature  // [N, N]
      let diagonal = try Tensor(
        HostTensor(integers: (0..<Int64(q.shape[0])).map { $0 }, shape: [q.shape[0]]), device: queries.device)
      return try crossEntropy(logits, labels: diagonal) * (2 * temperature)
    }
  }

  /// `μ = 1 − (1 − μ₀) · (1 + cos(π·t/T)) / 2`: from μ₀ to 1 along the run, t in epochs with their fraction.
  public static func momentum(_ base: Double, epoch: Double, totalEpochs: Double) -> Double {
    1 - (1 - base) * (1 + cos(.pi * epoch / totalEpochs)) / 2
  }
}

/// The settings of MoCo v3.
public struct MoCoV3Configuration: Codable, Sendable, Hashable {
  public var variant: ObjectiveVariant
  /// Divides the cosine similarities. Default: 0.2 (the original's for ViTs); 1 for the light variant.
  public var temperature: Double
  /// Momentum of the copy at the beginning; it rises to 1. Original only.
  public var targetMomentum: Double
  /// Widths of the projector's layers; of the light variant's head. Nil: 4096, 4096, 256 for ViTs, 4096, 256 for ResNets; light: 4D, D.
  public var projector: [Int]?
  /// Widths of the predictor's layers. Nil: 4096 and the projector's last. Original only.
  public var predictor: [Int]?
  /// Whether a ViT's patch projection stays as it is, which keeps training stable. Original only.
  public var freezesPatchProjection: Bool

  private enum CodingKeys: String, CodingKey {
    case variant, temperature
    case targetMomentum = "target_momentum"
    case projector, predictor
    case freezesPatchProjection = "freeze_patch_projection"
  }

  public init(
    variant: ObjectiveVariant = .original, temperature: Double? = nil, targetMomentum: Double = 0.99,
    projector: [Int]? = nil, predictor: [Int]? = nil, freezesPatchProjection: Bool = true
  ) {
    self.variant = variant
    self.temperature = temperature ?? (variant == .light ? 1 : 0.2)
    self.targetMomentum = targetMomentum
    self.projector = projector
    self.predictor = predictor
    self.freezesPatchProjection = freezesPatchProjection
  }

  /// What is out of range; empty if nothing is.
  public var problems: [String] {
    var problems = headProblems(projector, "projector") + headProblems(predictor, "predictor")
    if !(temperature > 0 && temperature.isFinite) {
      problems.append("the temperature must be above 0, found \(temperature)")
    }
    if !(0...1).contains(targetMomentum) {
      problems.append("the target's momentum must be in 0...1, found \(targetMomentum)")
    }
    if variant == .light, predictor != nil { problems.append("the light variant of MoCo v3 has no predictor") }
    return problems
  }
}

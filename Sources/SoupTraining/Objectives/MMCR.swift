import SoupModels
import SoupTensors
import SoupTorch

/// MMCR, maximum manifold capacity: the views of an image fall together, the images' centroids spread over all directions.
///
/// ```text
/// original   loss = λ · 1/B · Σ_b ‖Z_b‖ − ‖C‖,   Z_b = the V views of image b, [D, V];   C = their means, [B, D]
/// light      loss = λ · 1/B · Σ_b ‖[z₁ z₂]_b‖ − 1/B · ‖(z₁ + z₂)/2‖,   z₂ without gradient
/// ```
/// ‖·‖ is the nuclear norm, the sum of singular values, of projections at length 1, in float32. With a momentum copy the
/// centroids are the means of the online and the copy's centroids. Heads: linear layers without bias, batch norm and ReLU
/// between them; the light head is linear, GELU, linear.
/// - Source: Yerxa et al., 2023, arXiv:2303.03307; Schaeffer et al., 2024, arXiv:2406.09366 (momentum); the light variant is
///   Self-Soupervision's, 2026, arXiv:2602.02890.
public final class MMCR: Objective {
  public var views: Int { configuration.views }
  public let head: ParameterStore
  public let configuration: MMCRConfiguration
  private let projector: ProjectionHead
  private let momentum: MomentumEncoder?

  /// - Parameters:
  ///   - model: the ingredient, with the weights it starts from.
  ///   - generator: where the head's initial weights come from.
  public init(_ configuration: MMCRConfiguration, model: any Model, generator: RandomGenerator) throws {
    self.configuration = configuration
    head = ParameterStore(generator: generator, device: model.store.device)
    let width = model.featureWidth
    let widths = configuration.projector ?? (configuration.variant == .light ? [4 * width, width] : [8192, 8192, 512])
    let style: ProjectionHead.Style =
      configuration.variant == .light ? .gelu : .batchNorm(endsInNorm: false, bias: false)
    func build(_ scope: Scope) throws -> ProjectionHead {
      try ProjectionHead(scope / "projector", inputs: width, widths: widths, style: style)
    }
    projector = try build(head.root)
    momentum =
      configuration.targetMomentum == nil
      ? nil : try MomentumEncoder(of: model, head: head, projector: build)
  }

  public func loss(_ model: any Model, _ batch: TrainingBatch) throws -> Tensor {
    try batch.require(views: views, images: 2, "MMCR spreads the images of a batch")
    func project(_ images: Tensor) throws -> Tensor {
      try projector(model.features(images, training: true)).to(.float32).normalized()
    }
    if configuration.variant == .light {
      let first = try project(batch.views[0])
      let second = try withoutGradients { try project(batch.views[1]) }
      return try Self.lightLoss(first, second, localWeight: configuration.localWeight)
    }
    let online = try batch.views.map(project)
    var targets: [Tensor]?
    if let momentum, let share = configuration.targetMomentum {
      try momentum.follow(momentum: share)
      targets = try batch.views.map { try momentum($0).to(.float32).normalized() }
    }
    return try Self.loss(online, targets: targets, localWeight: configuration.localWeight)
  }

  public func state() throws -> StateDict { try momentum?.state() ?? StateDict() }
  public func restore(_ state: StateDict) throws { try momentum?.restore(state) }

  /// The original loss.
  /// - Parameters:
  ///   - projections: V tensors `[B, D]` with rows at length 1.
  ///   - targets: the same of the momentum copy, whose centroids are averaged with those of `projections`.
  ///   - localWeight: λ.
  public static func loss(_ projections: [Tensor], targets: [Tensor]? = nil, localWeight: Double) throws -> Tensor {
    try withAutocast(.float32, device: projections[0].device) {
      let stack = try Tensor.stacked(projections)  // [V, B, D]
      var centroids = try stack.mean(over: [0])  // [B, D]
      if let targets { centroids = try (centroids + Tensor.stacked(targets).mean(over: [0])) / 2 }
      let spread = try centroids.nuclearNorm()
      guard localWeight != 0 else { return try -spread }
      let local =
        try projections.count == 2
        ? pairNorms(projections[0], projections[1]) : stack.permute([1, 2, 0]).nuclearNorm()  // [B]
      return try local.mean() * localWeight - spread
    }
  }

  /// The light loss of two tensors `[B, D]` with rows at length 1.
  public static func lightLoss(_ first: Tensor, _ second: Tensor, localWeight: Double) throws -> Tensor {
    try withAutocast(.float32, device: first.device) {
      let spread = try ((first + second) / 2).nuclearNorm() / Double(first.shape[0])
      guard localWeight != 0 else { return try -spread }
      return try pairNorms(first, second).mean() * localWeight - spread
    }
  }

  /// Nuclear norms of the matrices `[z₁ z₂]` of vectors at length 1 and cosine c: `√(1 + c) + √(1 − c)`, `[B]`.
  ///
  /// Computed as `(|z₁ + z₂| + |z₁ − z₂|)/√2`, which is the same and whose gradient stays finite where c nears ±1.
  public static func pairNorms(_ first: Tensor, _ second: Tensor) throws -> Tensor {
    try ((first + second).vectorNorm() + (first - second).vectorNorm()) / 2.0.squareRoot()
  }
}

/// The settings of MMCR.
public struct MMCRConfiguration: Codable, Sendable, Hashable {
  public var variant: ObjectiveVariant
  /// λ, the weight of the local term. Default: 0. Self-Soupervision's light runs use 0 and 1.
  public var localWeight: Double
  /// Momentum of the copy, such as 0.99; nil runs without one. Original only.
  public var targetMomentum: Double?
  /// Views of each image. The light variant has 2.
  public var views: Int
  /// Widths of the projector's layers. Nil: 8192, 8192, 512; light: 4D, D.
  public var projector: [Int]?

  private enum CodingKeys: String, CodingKey {
    case variant
    case localWeight = "local_weight"
    case targetMomentum = "target_momentum"
    case views, projector
  }

  public init(
    variant: ObjectiveVariant = .original, localWeight: Double = 0, targetMomentum: Double? = nil, views: Int = 2,
    projector: [Int]? = nil
  ) {
    self.variant = variant
    self.localWeight = localWeight
    self.targetMomentum = targetMomentum
    self.views = views
    self.projector = projector
  }

  /// What is out of range; empty if nothing is.
  public var problems: [String] {
    var problems = headProblems(projector, "projector")
    if !(localWeight >= 0 && localWeight.isFinite) {
      problems.append("the local weight must be 0 or more, found \(localWeight)")
    }
    if let targetMomentum, !(0...1).contains(targetMomentum) {
      problems.append("the target's momentum must be in 0...1, found \(targetMomentum)")
    }
    if !(2...64).contains(views) { problems.append("MMCR takes 2 to 64 views, found \(views)") }
    if variant == .light {
      if views != 2 { problems.append("the light variant of MMCR takes 2 views, found \(views)") }
      if targetMomentum != nil { problems.append("the light variant of MMCR has no momentum copy") }
    }
    return problems
  }
}

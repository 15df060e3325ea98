import SoupModels
import SoupTensors
import SoupTorch

/// LeJEPA: projections of all views agree, and are distributed as N(0, I). No teacher, no momentum, no temperature.
///
/// ```text
/// loss = λ · SIGReg(P) + (1 − λ) · mean over v, n, d of (μ[n, d] − P[v, n, d])²,   μ = mean over the global views
/// SIGReg(P) = mean over views v and slices a of EP(⟨P[v, 1], a⟩, …, ⟨P[v, N], a⟩)
/// ```
/// a are directions of length 1, drawn anew at every step; EP is Epps and Pulley's statistic (`Tensor.eppsPulley`). Gradients
/// pass through μ as well. The projector has biases, and batch norm and ReLU between its layers, over all views together.
///
/// Departs from the source in one thing: local views are smaller parts of the image, but are rendered at the model's own size.
/// - Source: Balestriero and LeCun, 2025, arXiv:2511.08544.
public final class LeJEPA: Objective {
  /// Draws the directions `[slices, width]` of a step, rows at length 1.
  public typealias Directions = (_ random: CounterGenerator, _ slices: Int, _ width: Int) throws -> Tensor

  public var views: Int { configuration.globalViews + configuration.localViews }
  public let head: ParameterStore
  public let configuration: LeJEPAConfiguration
  private let projector: ProjectionHead
  private let directions: Directions

  /// - Parameters:
  ///   - model: the ingredient.
  ///   - generator: where the projector's initial weights come from.
  ///   - directions: uniform on the sphere by default.
  public init(
    _ configuration: LeJEPAConfiguration, model: any Model, generator: RandomGenerator,
    directions: @escaping Directions = uniformDirections
  ) throws {
    self.configuration = configuration
    self.directions = directions
    head = ParameterStore(generator: generator, device: model.store.device)
    projector = try ProjectionHead(
      head.root / "projector", inputs: model.featureWidth, widths: configuration.projector,
      style: .batchNorm(endsInNorm: false, bias: true))
  }

  public func loss(_ model: any Model, _ batch: TrainingBatch) throws -> Tensor {
    try batch.require(views: views, images: 2, "LeJEPA compares a batch with a distribution")
    let images = try batch.views.count == 1 ? batch.views[0] : Tensor.concatenated(batch.views)  // [V·N, C, H, W]
    let flat = try projector(model.features(images, training: true)).to(.float32)
    let projections = try flat.reshape([views, -1, projector.width])  // [V, N, D]
    let slices = try directions(batch.random.derived("directions"), configuration.slices, projector.width)
    return try Self.loss(projections, directions: slices.to(flat.device), configuration)
  }

  /// - Parameters:
  ///   - projections: `[V, N, D]` float32, the global views first.
  ///   - directions: `[K, D]`, rows at length 1.
  public static func loss(
    _ projections: Tensor, directions: Tensor, _ configuration: LeJEPAConfiguration
  ) throws -> Tensor {
    try withAutocast(.float32, device: projections.device) {
      let normality = try projections.linear(directions)  // [V, N, K]
        .eppsPulley(knots: configuration.knots, limit: configuration.limit)
      let centre = try projections.narrow(0, start: 0, length: configuration.globalViews)
        .mean(over: [0], keepingDimensions: true)
      let invariance = try (centre - projections).power(2).mean()
      return try normality * configuration.sigRegWeight + invariance * (1 - configuration.sigRegWeight)
    }
  }

  /// Directions uniform on the sphere: normal numbers at length 1, made on the CPU whatever the device.
  public static func uniformDirections(_ random: CounterGenerator, _ slices: Int, _ width: Int) throws -> Tensor {
    var random = random
    return try Tensor.normal(shape: [slices, width], generator: RandomGenerator(seed: random.next())).normalized()
  }
}

/// The settings of LeJEPA.
public struct LeJEPAConfiguration: Codable, Sendable, Hashable {
  /// λ, the weight of SIGReg beside 1 − λ of the agreement of views. Default: 0.05; useful are 0.01 to 0.1.
  public var sigRegWeight: Double
  /// Random directions of a step. Default: 1024.
  public var slices: Int
  /// Points of the characteristic function on `[0, limit]`. Default: 17.
  public var knots: Int
  /// Default: 3.
  public var limit: Double
  /// Views of much of the image, whose mean all views are drawn to. Default: 2.
  public var globalViews: Int
  /// Views of a small part of the image. Default: 6.
  public var localViews: Int
  /// Widths of the projector's layers. Default: 2048, 2048, 16, as in the source's example.
  public var projector: [Int]

  private enum CodingKeys: String, CodingKey {
    case sigRegWeight = "sigreg_weight"
    case slices, knots, limit
    case globalViews = "global_views"
    case localViews = "local_views"
    case projector
  }

  public init(
    sigRegWeight: Double = 0.05, slices: Int = 1024, knots: Int = 17, limit: Double = 3, globalViews: Int = 2,
    localViews: Int = 6, projector: [Int] = [2048, 2048, 16]
  ) {
    self.sigRegWeight = sigRegWeight
    self.slices = slices
    self.knots = knots
    self.limit = limit
    self.globalViews = globalViews
    self.localViews = localViews
    self.projector = projector
  }

  /// What is out of range; empty if nothing is.
  public var problems: [String] {
    var problems = headProblems(projector, "projector")
    if !(0...1).contains(sigRegWeight) {
      problems.append("the weight of SIGReg must be in 0...1, found \(sigRegWeight)")
    }
    if !(1...1 << 16).contains(slices) { problems.append("SIGReg takes 1 to 65536 slices, found \(slices)") }
    if !(2...4096).contains(knots) { problems.append("SIGReg takes 2 to 4096 knots, found \(knots)") }
    if !(limit > 0 && limit.isFinite) { problems.append("SIGReg's limit must be above 0, found \(limit)") }
    if globalViews < 1 || localViews < 0 || !(2...64).contains(globalViews + localViews) {
      problems.append(
        "LeJEPA takes at least 1 global view and 2 to 64 in all, found \(globalViews) global and \(localViews) local")
    }
    return problems
  }
}

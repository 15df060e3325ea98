import ArgumentParser
import Foundation
import SoupAnalysis
import SoupCLI
import SoupCheckpoints
import SoupData
import SoupEvaluation
import SoupModels
import SoupTensors
import SoupTorch
import SoupTraining

/// One landscape being measured: models in memory, images, and the file that its points go to.
final class Landscape {
  let ingredients: Ingredients
  let states: [StateDict]
  let evaluator: Evaluator
  let model: any Network
  let part: EvaluationImages.Part
  private let images: EvaluationImages
  private let options: LandscapeOptions
  private let device: Device
  private let recalibration: BatchNormRecalibration?
  private let console: Console
  /// Seconds in which weights were mixed and written to the model, and in which images went through it.
  private(set) var mixingSeconds = 0.0
  private(set) var evaluationSeconds = 0.0
  private(set) var evaluations = 0

  /// - Parameter severalPolicies: whether points are measured under every policy of batch norm that is named.
  init(
    _ paths: [String], _ options: LandscapeOptions, part: EvaluationImages.Part, severalPolicies: Bool = false,
    console: Console
  ) throws {
    guard severalPolicies || options.batchNorm.values.count == 1 else {
      throw ValidationError("several policies of --batch-norm are for soup landscape pairs")
    }
    self.options = options
    self.part = part
    self.console = console
    device = try options.computation.prepare()
    ingredients = try Ingredients(paths, model: options.data.namedModel())
    states = try ingredients.paths.map { try Checkpoint(contentsOf: $0).stateDict() }
    images = try EvaluationImages(options.data, for: ingredients, console: console)
    model = try ingredients.makeModel(on: device)
    evaluator = try Self.evaluator(images, part, options, device)
    let (computation, batchSize) = (options.computation, options.data.batchSize)
    recalibration =
      options.batchNorm.values.contains(.recompute) && !model.batchNorms.isEmpty
      ? try BatchNormRecalibration(
        images.load(.train), images: options.recomputation.batchNormImages, batchSize: batchSize, device: device,
        loaderThreads: computation.loaderThreads)
      : nil
  }

  /// Names for tables: what tells the checkpoints apart.
  var names: [String] { ingredients.names }

  /// - Parameter policy: the first that was named when nil.
  func space(_ states: [StateDict], batchNorm policy: WeightSpace.BatchNormPolicy? = nil) throws -> WeightSpace {
    let policy = policy ?? options.batchNorm.values[0]
    return try WeightSpace(
      states, model: model, batchNorm: policy, recalibration: policy == .recompute ? recalibration : nil)
  }

  /// The images that points are measured on, in the versions of a shift; nil where none was named.
  func shifted(_ corruptions: ComputedShift) throws -> Evaluator? {
    guard let suite = corruptions.shift else { return nil }
    let shift = try ShiftedImages(
      evaluator.data, suite: suite, kinds: corruptions.kinds(of: suite), severities: corruptions.severities(),
      seed: corruptions.shiftSeed ?? 0, bank: corruptions.textures())
    let count = shift.shifted.count * shift.count
    let bar = console.progress("Corrupting", total: count, unit: .items("images"))
    defer { bar.finish() }
    let images = try ResidentShift(shift, threads: ProcessInfo.processInfo.activeProcessorCount) {
      bar.update(completed: $0)
    }
    return try Evaluator(
      images, batchSize: options.data.batchSize, precision: evaluator.precision, device: device,
      loaderThreads: options.computation.loaderThreads)
  }

  /// Another part of the same data, such as held-out images to calibrate on.
  func evaluator(_ part: EvaluationImages.Part) throws -> Evaluator {
    try Self.evaluator(images, part, options, device)
  }

  /// The file, or a table in memory.
  /// - Parameter settings: what the values depend on besides models and images.
  func points(_ kind: String, keys: [String], values: [String], settings: [String: String] = [:]) throws -> PointFile {
    var identity = settings
    identity["kind"] = kind
    identity["data"] = "\(images.specification)"
    identity["split"] = part.rawValue
    identity["images"] = "\(evaluator.data.count)"
    // The labels tell one choice of images from another.
    identity["labels"] = String(
      evaluator.labels.reduce(into: UInt64(14_695_981_039_346_656_037)) {
        $0 = ($0 ^ UInt64($1)) &* 0x100_0000_01b3
      }, radix: 16)
    identity["batch norm"] = options.batchNorm.values.map { policy in
      recalibration.map { policy == .recompute ? "\(policy.rawValue) on \($0.imageCount)" : policy.rawValue }
        ?? policy.rawValue
    }.joined(separator: ", ")
    identity["precision"] = "\(evaluator.precision)"
    for (index, state) in states.enumerated() { identity["checkpoint \(index + 1)"] = "\(WeightFingerprint(state))" }
    let file = try PointFile(
      PointTable(keys: keys, values: values), path: options.csv, identity: identity, restart: options.restart)
    if file.continued > 0 {
      console.note("\(options.csv ?? ""): \(Format.count(file.continued)) points are there already")
    }
    return file
  }

  func bar(_ label: String, evaluations: Int) -> ProgressBar {
    console.progress(label, total: evaluations * evaluator.data.count, unit: .items("images"))
  }

  /// Places a point and runs the model over the images.
  func logits(
    _ space: WeightSpace, at coefficients: [Double],
    adding directions: [(direction: WeightDirection, step: Double)] = [],
    on other: Evaluator? = nil, bar: ProgressBar? = nil
  ) throws -> HostTensor {
    let start = ContinuousClock.now
    try space.place(coefficients, adding: directions)
    let placed = ContinuousClock.now
    let done = evaluations * evaluator.data.count
    let logits = try (other ?? evaluator).logits(of: model) { if other == nil { bar?.update(completed: done + $0) } }
    mixingSeconds += (placed - start) / .seconds(1)
    evaluationSeconds += (ContinuousClock.now - placed) / .seconds(1)
    if other == nil { evaluations += 1 }
    return logits
  }

  /// The same, given up once the point cannot be right on more than `target` images; the score is then of those seen, the first.
  func outcomes(
    _ space: WeightSpace, at coefficients: [Double], unlessAtMost target: Int, bar: ProgressBar? = nil
  ) throws -> SampleOutcomes {
    let start = ContinuousClock.now
    try space.place(coefficients)
    let placed = ContinuousClock.now
    let (labels, done) = (evaluator.labels, evaluations * evaluator.data.count)
    var (values, classes, seen, right) = ([Float](), 0, 0, 0)
    try evaluator.forEachBatch(of: model) { logits, _ in
      classes = logits.shape[1]
      let batch = logits.floats()
      for row in 0..<logits.shape[0] {
        let scores = batch[row * classes..<(row + 1) * classes]
        let highest = scores.indices.max { scores[$0] < scores[$1] }! - scores.startIndex
        let targets = evaluator.targets?[seen + row] ?? [labels[seen + row]]
        if targets.contains(highest) { right += 1 }
      }
      values += batch
      seen += logits.shape[0]
      bar?.update(completed: done + seen)
      return right + labels.count - seen > target
    }
    mixingSeconds += (placed - start) / .seconds(1)
    evaluationSeconds += (ContinuousClock.now - placed) / .seconds(1)
    evaluations += 1
    return try SampleOutcomes(
      logits: HostTensor(floats: values, shape: [seen, classes]), labels: Array(labels[..<seen]),
      targets: evaluator.targets.map { Array($0[..<seen]) })
  }

  /// The score, on other images, of the model that was placed last.
  func score(on other: Evaluator) throws -> Score {
    let start = ContinuousClock.now
    defer { evaluationSeconds += (ContinuousClock.now - start) / .seconds(1) }
    return try other.score(model)
  }

  func outcomes(
    _ space: WeightSpace, at coefficients: [Double],
    adding directions: [(direction: WeightDirection, step: Double)] = [],
    bar: ProgressBar? = nil
  ) throws -> SampleOutcomes {
    try evaluator.outcomes(logits(space, at: coefficients, adding: directions, bar: bar))
  }

  /// Names of the columns that `cells` fills.
  static let scoreColumns = ["top1", "error", "error_low", "error_high", "loss", "ece"]

  /// A score as cells: accuracy, error with its 95 % interval, loss in nats, ECE.
  static func cells(_ score: Score) throws -> [PointTable.Cell] {
    let interval = try Statistics.interval(of: score)
    return [score.top1, 1 - score.top1, 1 - interval.upper, 1 - interval.lower, score.loss, score.ece].map {
      .number($0)
    }
  }

  /// What was measured on, and how fast.
  func footnote() -> String {
    var text = "\(evaluator.data.name), \(part.rawValue): \(Format.count(evaluator.data.count)) images"
    if evaluations > 0 {
      let each = Double(evaluations)
      text +=
        "; \(Format.count(evaluations)) points computed, \(Format.duration(evaluationSeconds / each)) each, "
        + "of mixing \(Format.fixed(mixingSeconds / each * 1000, 1)) ms"
    }
    return text
  }

  private static func evaluator(
    _ images: EvaluationImages, _ part: EvaluationImages.Part, _ options: LandscapeOptions, _ device: Device
  ) throws -> Evaluator {
    let all = try images.load(part)
    return try Evaluator(
      options.images.map { try Subset.first($0, of: all) } ?? all, batchSize: options.data.batchSize,
      precision: options.computation.precision(on: device), device: device,
      loaderThreads: options.computation.loaderThreads)
  }
}

import ArgumentParser
import Foundation
import SoupCLI
import SoupCheckpoints
import SoupData
import SoupEvaluation
import SoupModels
import SoupTorch
import SoupTraining

struct TrainingDataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "fashion-mnist, cifar10, cifar100, idx:FOLDER, …; a folder may follow the name, as in cifar10:/data/cifar.",
      valueName: "dataset"))
  var data: String

  @OptionGroup var badImages: BadImageOptions

  @Option(
    help: ArgumentHelp(
      "Architecture, as resnet20, resnet20:width=2, cifar-resnet18, vit-tiny:patch=4. Not needed with --from.",
      valueName: "name"))
  var model: String?

  @Option(help: ArgumentHelp("Fine-tune these weights instead of starting at random.", valueName: "checkpoint"))
  var from: String?

  @Flag(help: "With --from: start with a new classifier, for other classes than the base has.")
  var resetHead = false

  @Option(help: ArgumentHelp("Fraction of the training images to hold out.", valueName: "fraction"))
  var heldOut = 0.1

  @Option(help: ArgumentHelp("Seed of the choice of held-out images.", valueName: "n"))
  var splitSeed: UInt64 = 0

  /// The architecture: the base's, or the one named, with the data's classes, channels and image size.
  /// - Parameter needsLabels: whether the classifier is trained; if not, the base's is kept whatever its classes
  func configuration(images: any ImageDataset, base: Checkpoint?, needsLabels: Bool) throws -> ModelConfiguration {
    let named = try model.map {
      try ModelConfiguration(
        parsing: $0, classes: images.classCount, channels: images.channels, imageSize: images.width)
    }
    guard let base else { return try named ?? ModelConfiguration(parsing: "") }
    var known = try ModelConfiguration(of: base, named: named)
    if resetHead { known.classes = images.classCount }
    if let named, named != known {
      throw TrainingError(
        .badConfiguration, file: base.path, "--model \(named) does not fit '\(base.path)', which is \(known)")
    }
    if needsLabels, known.classes == 0 {
      throw TrainingError(
        .badConfiguration, file: base.path,
        "'\(base.path)' is an encoder without a classifier; --reset-head gives it a new one, soup probe one fitted to its features"
      )
    }
    guard !needsLabels || known.classes == images.classCount else {
      throw TrainingError(
        .badConfiguration, file: base.path,
        "'\(base.path)' has \(known.classes) classes, the data \(images.classCount); --reset-head starts with a new classifier"
      )
    }
    guard known.channels == images.channels else {
      throw TrainingError(
        .badConfiguration, file: base.path,
        "'\(base.path)' takes images of \(known.channels) channels, the data has \(images.channels)")
    }
    return known
  }

  func validate() throws {
    if resetHead, from == nil { throw ValidationError("--reset-head needs --from") }
  }
}

struct OptimizationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Passes over the training images; may be a fraction. (default: 10; of a branch: its trunk's)", valueName: "n"))
  var epochs: Double?

  @Option(help: ArgumentHelp("Train for this many steps instead of --epochs.", valueName: "n"))
  var steps: Int?

  @Option(help: ArgumentHelp("Images per step.", valueName: "n"))
  var batchSize = 128

  @Option(help: ArgumentHelp("sgd or adamw.", valueName: "name"))
  var optimizer: OptimizerConfiguration.Kind = .sgd

  @Option(
    help: ArgumentHelp("Learning rate at its highest. (default: 0.1 for sgd, 0.001 for adamw)", valueName: "rate"))
  var lr: Double?

  @Option(
    help: ArgumentHelp("Weight decay. (default: 0.0005 for sgd, 0.05 for adamw)", valueName: "decay"))
  var weightDecay: Double?

  @Flag(help: "No weight decay on biases and normalisation parameters.")
  var noDecayOnNorms = false

  @Option(help: ArgumentHelp("Momentum of sgd.", valueName: "m"))
  var momentum = 0.9

  @Flag(inversion: .prefixedNo, help: "Nesterov's momentum in sgd.")
  var nesterov = true

  @Option(help: ArgumentHelp("First and second beta of adamw.", valueName: "b1,b2"))
  var betas: Betas = Betas(first: 0.9, second: 0.999)

  @Option(help: ArgumentHelp("cosine, constant, or multi-step (see --milestones).", valueName: "name"))
  var schedule: ScheduleChoice = .cosine

  @Option(help: ArgumentHelp("Epochs of linear warm-up before the cosine.", valueName: "n"))
  var warmup = 0.0

  @Option(
    help: ArgumentHelp(
      "Instead of --warmup: fraction of all steps over which the rate rises from a millionth of it.",
      valueName: "fraction"))
  var warmupFraction: Double?

  @Option(help: ArgumentHelp("Epochs after which multi-step multiplies the rate by 0.1, as 50,75.", valueName: "list"))
  var milestones: Milestones?

  @Option(help: ArgumentHelp("Scale the gradient down to this L2 norm.", valueName: "norm"))
  var clipNorm: Double?

  @Option(help: ArgumentHelp("Seed of initialisation, order, augmentation and mixup.", valueName: "n"))
  var seed: UInt64 = 0

  enum ScheduleChoice: String, ExpressibleByArgument, CaseIterable {
    case cosine, constant
    case multiStep = "multi-step"
  }

  struct Betas: ExpressibleByArgument {
    var first: Double
    var second: Double
    var defaultValueDescription: String { "\(first),\(second)" }

    init(first: Double, second: Double) {
      self.first = first
      self.second = second
    }

    init?(argument: String) {
      let values = argument.split(separator: ",").map { Double($0) }
      guard values.count == 2, let first = values[0], let second = values[1] else { return nil }
      self.init(first: first, second: second)
    }
  }

  struct Milestones: ExpressibleByArgument {
    var epochs: [Double]

    init?(argument: String) {
      let values = argument.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) }
      epochs = values.compactMap { $0 }
      guard !epochs.isEmpty, epochs.count == values.count, epochs.allSatisfy({ $0 > 0 }) else { return nil }
    }
  }

  func validate() throws {
    if warmup < 0 { throw ValidationError("--warmup must be 0 or more, found \(warmup)") }
    if steps != nil, epochs != nil {
      throw ValidationError("--steps and --epochs are two ways to say the same; give one")
    }
    if let steps, steps < 1 { throw ValidationError("--steps must be at least 1, found \(steps)") }
    if let warmupFraction {
      guard (0...1).contains(warmupFraction) else {
        throw ValidationError("--warmup-fraction must be in 0...1, found \(warmupFraction)")
      }
      if warmup > 0 { throw ValidationError("--warmup and --warmup-fraction are two ways to say the same; give one") }
      if schedule != .cosine { throw ValidationError("--warmup-fraction goes with --schedule cosine") }
    }
    if warmup > 0, schedule != .cosine { throw ValidationError("--warmup goes with --schedule cosine") }
    if (milestones != nil) != (schedule == .multiStep) {
      throw ValidationError("--schedule multi-step and --milestones go together")
    }
  }

  func optimizerConfiguration() -> OptimizerConfiguration {
    var settings: OptimizerConfiguration = optimizer == .sgd ? .sgd() : .adamW()
    if let lr { settings.learningRate = lr }
    if let weightDecay { settings.weightDecay = weightDecay }
    settings.noDecayOnNorms = noDecayOnNorms
    settings.momentum = momentum
    settings.nesterov = nesterov
    (settings.beta1, settings.beta2) = (betas.first, betas.second)
    return settings
  }

  /// Passes over that many images.
  func epochs(images: Int) -> Double {
    steps.map {
      Double($0) / Double(TrainingConfiguration.stepsPerEpoch(images: images, batchSize: batchSize))
    } ?? epochs ?? 10
  }

  /// The schedule in steps.
  func schedule(stepsPerEpoch: Int) -> Schedule {
    func steps(_ epochs: Double) -> Int { Int((epochs * Double(stepsPerEpoch)).rounded()) }
    return switch schedule {
    case .constant: .constant
    case .cosine:
      warmupFraction.map { .linearCosine(fraction: $0, start: 1e-6) }
        ?? (warmup > 0 ? .warmupCosine(warmupSteps: steps(warmup)) : .cosine)
    case .multiStep: .multiStep(steps: (milestones?.epochs ?? []).map(steps), factor: 0.1)
    }
  }
}

struct RegularizationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Random changes of the images, joined by commas: crop=4, crop=4:reflect, flip, erase=0.25, cutout=8. Before them, a "
        + "random resized crop with other colours: 3-augment, simple-crop, randaugment, moco, moco-v3 or lejepa.",
      valueName: "list"))
  var augment = "none"

  /// What `--augment` says: a view of the image, and changes of that view.
  func views() throws -> (TrainingView?, [Augmentation]) {
    var parts = augment.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    // `flip` is the change without the crop.
    let views = parts.compactMap { $0 == "flip" || $0 == "none" ? nil : TrainingView(rawValue: $0) }
    guard views.count <= 1 else {
      throw ValidationError("--augment takes one view, found \(views.map(\.rawValue).joined(separator: ", "))")
    }
    parts.removeAll { $0 == views.first?.rawValue }
    return (views.first, try Augmentation.list(parsing: parts.joined(separator: ",")))
  }

  @Option(help: ArgumentHelp("Share of every target spread evenly over all classes.", valueName: "share"))
  var labelSmoothing = 0.0

  @Option(help: ArgumentHelp("Mix pairs of images with a Beta(alpha, alpha) share; 0 is off.", valueName: "alpha"))
  var mixup = 0.0

  @Option(help: ArgumentHelp("Largest probability of dropping a residual branch (ViT).", valueName: "rate"))
  var dropPath = 0.0

  @Option(help: ArgumentHelp("Which weights are the result: last, or best on held-out images.", valueName: "which"))
  var keep: TrainingConfiguration.Keep = .last
}

struct TrainingFileOptions: ParsableArguments {
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("The checkpoint to write (safetensors).", valueName: "path"))
  var checkpoint: String

  @Option(help: ArgumentHelp("With --ema: also write the weights before averaging.", valueName: "path"))
  var saveRaw: String?

  @Option(
    help: ArgumentHelp("JSON-lines log. (default: the output's name with .jsonl)", valueName: "path"))
  var log: String?

  @Option(help: ArgumentHelp("Write a TensorBoard event file into this folder.", valueName: "folder"))
  var tensorboard: String?

  @Option(
    help: ArgumentHelp("Save the state every n steps. (default: every 30 seconds)", valueName: "n"))
  var saveEvery: Int?

  @Flag(help: "Start over: discard an interrupted run and overwrite the output.")
  var restart = false

  func validate() throws {
    if let saveEvery, saveEvery < 1 { throw ValidationError("--save-every must be at least 1, found \(saveEvery)") }
  }

  func files(_ averages: AveragingOptions, _ branching: BranchOptions) -> TrainingFiles {
    TrainingFiles(
      output: checkpoint, rawOutput: saveRaw, swaOutput: averages.swaOutput, lawaOutput: averages.lawaOutput, log: log,
      tensorBoard: tensorboard, checkpoints: branching.checkpoints)
  }

  var saveInterval: SaveInterval { saveEvery.map(SaveInterval.steps) ?? .seconds(30) }
}

extension OptimizerConfiguration.Kind: ExpressibleByArgument {}
extension TrainingConfiguration.Keep: ExpressibleByArgument {}

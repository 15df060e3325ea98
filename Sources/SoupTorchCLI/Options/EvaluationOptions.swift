import ArgumentParser
import SoupData
import SoupEvaluation
import SoupModels
import SoupTorch
import SoupTraining

struct EvaluationDataOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Dataset, as for soup train. (default: what the checkpoints were trained on)", valueName: "dataset"))
  var data: String?

  @Option(
    help: ArgumentHelp(
      "Where the training images are, if --data has test images only. (default: as recorded)", valueName: "dataset"))
  var trainData: String?

  @OptionGroup var badImages: BadImageOptions

  @Option(
    help: ArgumentHelp(
      "Architecture of checkpoints that do not reveal it, or a TorchScript file (.pt) that you trust.",
      valueName: "name"))
  var model: String?

  @Option(help: ArgumentHelp("Held-out fraction. (default: as recorded)", valueName: "fraction"))
  var heldOut: Double?

  @Option(help: ArgumentHelp("Seed of the split. (default: as recorded)", valueName: "n"))
  var splitSeed: UInt64?

  @Option(help: ArgumentHelp("Images per forward pass.", valueName: "n"))
  var batchSize = 128

  func validate() throws {
    if batchSize < 1 { throw ValidationError("--batch-size must be at least 1, found \(batchSize)") }
    if let heldOut, !(0..<1).contains(heldOut) {
      throw ValidationError("--held-out must be in 0..<1, found \(heldOut)")
    }
  }

  /// Where training and held-out images are: where `data` is, unless that is a benchmark on disk with test images only.
  /// - Parameter recorded: the data that the checkpoints were trained on.
  func trainingData(
    beside data: DatasetSpecification, otherwise recorded: String?
  ) throws -> DatasetSpecification {
    guard let name = trainData ?? (data.kind.hasTrainingImages ? nil : recorded) else { return data }
    return try badImages.apply(to: DatasetSpecification(parsing: name))
  }

  /// The split that was asked for, where no checkpoint records one.
  func split(of specification: DatasetSpecification, usual: Double? = nil) -> DataConfiguration? {
    (heldOut ?? usual).map {
      DataConfiguration(dataset: specification.kind.rawValue, checksum: "", heldOut: $0, splitSeed: splitSeed ?? 0)
    }
  }

  func namedModel() throws -> NamedModel? { try model.map { try NamedModel(parsing: $0) } }
}

struct BatchNormImageOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Training images that recompute uses.", valueName: "n"))
  var batchNormImages = 10_000

  func validate() throws {
    if batchNormImages < 1 {
      throw ValidationError("--batch-norm-images must be at least 1, found \(batchNormImages)")
    }
  }
}

struct BatchNormOptions: ParsableArguments {
  enum Policy: String, ExpressibleByArgument, CaseIterable {
    case average, recompute
  }

  @Option(
    help: ArgumentHelp(
      "Running statistics of a soup: the average of its ingredients' (as in the papers), or recomputed on training images.",
      valueName: "policy"))
  var batchNorm: Policy = .average

  @OptionGroup var recomputation: BatchNormImageOptions

  /// How to recompute; nil for the average.
  func recalibration(
    _ images: EvaluationImages, batchSize: Int, device: Device, loaderThreads: Int
  ) throws -> BatchNormRecalibration? {
    guard batchNorm == .recompute else { return nil }
    return try BatchNormRecalibration(
      images.load(.train), images: recomputation.batchNormImages, batchSize: batchSize, device: device,
      loaderThreads: loaderThreads)
  }
}

extension Metric: ExpressibleByArgument {
  /// The others belong to --scorer.
  public static var allValueStrings: [String] { [Metric.top1, .top5, .loss, .ece, .knn].map(\.rawValue) }
}

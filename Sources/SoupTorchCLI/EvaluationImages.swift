import SoupCLI
import SoupData
import SoupEvaluation
import SoupTraining

/// The images that checkpoints are evaluated on, split as they were split in training.
struct EvaluationImages {
  enum Part: String, CaseIterable {
    case test
    case heldOut = "held-out"
    case train
  }

  let specification: DatasetSpecification
  /// Where the training images are: not in `specification` where that has test images only.
  let training: DatasetSpecification
  /// How the training images are split; nil when nothing says so.
  let split: DataConfiguration?
  private let console: Console

  /// Finds out which data and which split.
  ///
  /// Checkpoints of ours record both. A split that is asked for must be the recorded one: with another, images that an
  /// ingredient was trained on would be called held out.
  /// - Parameter usual: the held-out fraction where neither a checkpoint nor an option says; nil leaves it unknown.
  /// - Throws: `EvaluationError` when records disagree with each other or with what was asked for.
  init(
    _ options: EvaluationDataOptions, for ingredients: Ingredients, console: Console, heldOut usual: Double? = nil
  ) throws {
    self.console = console
    let records = ingredients.metadata.map { DataConfiguration(metadata: $0) }
    let known = zip(ingredients.paths, records).compactMap { path, record in record.map { (path, $0) } }
    if let (firstPath, first) = known.first {
      let others = known.filter { $0.1 != first }
      guard others.isEmpty else {
        throw EvaluationError(
          .noData,
          "the checkpoints were trained on different splits, so no image is held out from all of them:\n"
            + ([(firstPath, first)] + others).map { "  \($0.0): \(Self.text($0.1))" }.joined(separator: "\n"))
      }
      specification = try options.badImages.apply(
        to: DatasetSpecification(parsing: options.data ?? first.dataset))
      training = try options.trainingData(beside: specification, otherwise: first.dataset)
      // A folder's record has its path and options too; whether it holds the same images, the checksum says.
      let recorded = first.dataset.prefix { $0 != ":" && $0 != "?" }
      let sameData = training.kind.rawValue == recorded
      var asked = first
      asked.heldOut = options.heldOut ?? first.heldOut
      asked.splitSeed = options.splitSeed ?? first.splitSeed
      guard !sameData || asked == first else {
        throw EvaluationError(
          .noData, file: firstPath,
          "'\(firstPath)' was trained with \(Self.text(first)); another split would hold out images that it has seen. "
            + "Leave out --held-out and --split-seed")
      }
      split = sameData ? first : options.split(of: training, usual: usual)
    } else {
      guard let data = options.data else {
        throw EvaluationError(
          .noData, "the checkpoints do not say which data they were trained on; name it with --data")
      }
      specification = try options.badImages.apply(to: DatasetSpecification(parsing: data))
      training = try options.trainingData(beside: specification, otherwise: nil)
      split = options.split(of: training, usual: usual)
    }
    if known.count < ingredients.paths.count, split?.heldOut ?? 0 > 0 {
      console.warn(
        "not every checkpoint records its training data; held-out images may have been trained on")
    }
  }

  /// - Parameter subset: by their positions in the whole set, before any are held out.
  func load(_ part: Part, subset: ImageChoice.Subset = .all) throws -> any ImageDataset {
    if part == .test {
      let images = try specification.open(.test)
      BadImageOptions.report(images, console)
      return try subset(images)
    }
    let (images, split) = try trainingImages()
    guard subset == .all else {
      let indices = split.indices()
      return try ImageChoice(subset: subset)(images, allowed: part == .heldOut ? indices.heldOut : indices.train)
    }
    let parts = try split(images)
    return part == .heldOut ? parts.heldOut : parts.train
  }

  /// Images to look at without their labels: test images, or those of training that are not held out.
  func load(_ options: ImageChoiceOptions) throws -> any ImageDataset {
    let choice = try options.choice()
    let bank = try options.corruptions.textures()
    var chosen: any ImageDataset
    if choice.part == .test {
      chosen = try choice(load(.test), bank: bank)
    } else {
      let (images, split) = try trainingImages()
      chosen = try choice(images, allowed: split.indices().train, bank: bank)
    }
    // The name tells a search that is continued whether its images are still the same.
    if let shift = choice.shift {
      let kinds = shift.corruptions.map(\.rawValue).joined(separator: ", ")
      let name = "\(chosen.name): \(kinds) at \(shift.severities), seed \(shift.seed)"
      chosen = try Subset(of: chosen, indices: Array(0..<chosen.count), name: name)
    }
    return chosen
  }

  /// All training images, and how they are split.
  private func trainingImages() throws -> (images: any ImageDataset, split: Split) {
    guard training.kind.hasTrainingImages else {
      throw EvaluationError(
        .noData,
        "\(training) has no training images; name the training images with --train-data, as cifar10:/data/cifar")
    }
    let images = try training.open(.train)
    BadImageOptions.report(images, console)
    guard let split else {
      throw EvaluationError(
        .noData, "nothing says which images of \(training) were held out; give --held-out 0.1 and --split-seed")
    }
    let checksum = String(images.checksum(), radix: 16)
    guard split.checksum.isEmpty || split.checksum == checksum else {
      throw EvaluationError(
        .noData,
        "the training images of \(training) are not those of the checkpoints (checksum \(checksum), expected "
          + "\(split.checksum)), so their held-out images are unknown")
    }
    return (images, try Split(count: images.count, heldOutFraction: split.heldOut, seed: split.splitSeed))
  }

  private static func text(_ data: DataConfiguration) -> String {
    "\(data.dataset), held-out \(data.heldOut), split seed \(data.splitSeed), images \(data.checksum)"
  }
}

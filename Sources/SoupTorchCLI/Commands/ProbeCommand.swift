import ArgumentParser
import Foundation
import SoupCLI
import SoupCheckpoints
import SoupData
import SoupEvaluation
import SoupModels
import SoupTensors
import SoupTorch
import SoupTraining

/// `soup probe`
struct ProbeCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe",
    abstract: "Fit a linear classifier to a frozen encoder.",
    discussion: """
      EXAMPLES
        soup probe encoder.safetensors --data cifar10:/cifar -o probed.safetensors
        soup probe base.safetensors -o probed.safetensors --epochs 20 --lr 1e-3,1e-2
        soup train --from probed.safetensors --data cifar10:/cifar -o t.safetensors

      Features are taken once, without augmentation. All learning rates are trained
      side by side, and the best on the held-out images is kept. The classifier
      replaces that of the checkpoint, if it has one; all else stays as it is.

      Settings of arXiv:2602.02890. Guides/SelfSeasoning.md.
      """)

  @Argument(help: ArgumentHelp("The encoder's checkpoint.", valueName: "checkpoint"))
  var checkpoint: String

  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("The checkpoint to write (safetensors).", valueName: "path"))
  var outputPath: String

  @Flag(help: "Replace an existing output.") var force = false

  @OptionGroup(title: "Probe") var probe: ProbeOptions
  @OptionGroup(title: "Data") var data: EvaluationDataOptions
  @OptionGroup(title: "Computation") var computation: DeviceOptions
  @OptionGroup(title: "Printing") var output: OutputOptions

  func run(_ console: Console) throws {
    guard force || !FileManager.default.fileExists(atPath: outputPath) else {
      throw CheckpointError(.exists, outputPath, "the output exists already", advice: "replace it with --force")
    }
    let device = try computation.prepare()
    let ingredients = try Ingredients([checkpoint], model: data.namedModel())
    let images = try EvaluationImages(data, for: ingredients, console: console, heldOut: 0.1)
    let encoder = try ingredients.makeModel(on: device).encoder()
    try encoder.store.load(Checkpoint(contentsOf: ingredients.paths[0]).stateDict())
    let (train, heldOut) = (try images.load(.train), try images.load(.heldOut))

    let taking = console.progress("Features", total: train.count + heldOut.count, unit: .items("images"))
    func features(_ part: any ImageDataset, _ before: Int) throws -> LinearProbe.Images {
      let extractor = try FeatureExtractor(
        part, batchSize: data.batchSize, precision: computation.precision(on: device), device: device,
        loaderThreads: computation.loaderThreads)
      return LinearProbe.Images(
        features: try extractor(encoder) { taking.update(completed: before + $0) },
        labels: (0..<part.count).map(part.label(at:)))
    }
    let known = try features(train, 0)
    let held = try features(heldOut, train.count)
    taking.finish()

    let linear = probe.probe
    let bar = console.progress("Probing", total: linear.steps(images: train.count), unit: .items("steps"))
    let result = try linear.fit(known, heldOut: held, classes: train.classCount) { bar.update(completed: $0) }
    bar.finish()
    try write(result, on: encoder, ingredients.metadata[0], images, train)

    let best = result.candidates[result.best]
    if console.isJSON {
      try console.emit(
        Report(
          output: outputPath, learningRate: best.learningRate, heldOut: best.heldOut,
          sweep: result.candidates.map {
            .init(learningRate: $0.learningRate, top1: $0.heldOut.top1, loss: $0.heldOut.loss)
          },
          trainImages: train.count, features: result.weight.shape[1]))
      return
    }
    var table = Table([.init("learning rate", .right), .init("held-out %", .right), .init("loss", .right)])
    for (index, candidate) in result.candidates.enumerated() {
      table.add(
        [
          "\(candidate.learningRate)", try Statistics.accuracy(candidate.heldOut),
          Format.fixed(candidate.heldOut.loss, 4),
        ], bold: index == result.best)
    }
    console.print(table)
    console.print(
      "\(outputPath): \(result.weight.shape[1]) features of \(Format.count(train.count)) images, learning rate "
        + "\(best.learningRate), held-out \(Format.percent(best.heldOut.top1)) %")
  }

  /// The encoder as it was, with the probe as its classifier.
  private func write(
    _ result: LinearProbeResult, on encoder: any Model, _ metadata: [String: String], _ images: EvaluationImages,
    _ train: any ImageDataset
  ) throws {
    var configuration = encoder.configuration
    configuration.classes = train.classCount
    let model = try makeModel(configuration, generator: RandomGenerator(seed: 0))
    var weights = try model.store.stateDict()
    let head = ["weight", "bias"].map { "\(configuration.classifierName).\($0)" }
    for (name, tensor) in try encoder.store.stateDict() where weights[name] != nil && !head.contains(name) {
      weights[name] = tensor
    }
    weights[head[0]] = result.weight
    weights[head[1]] = result.bias
    weights.metadata = metadata
    weights.metadata[ModelConfiguration.metadataKey] = try Console.json(configuration)
    if let split = images.split {
      var record = split
      let named = images.training
      record.dataset = named.kind.isEncoded ? named.description : named.kind.rawValue
      record.checksum = String(try images.training.open(.train).checksum(), radix: 16)
      weights.metadata[DataConfiguration.key] = try Console.json(record)
    }
    let best = result.candidates[result.best]
    weights.metadata["soup.probe"] = try Console.json(
      Provenance(
        settings: result.configuration, learningRate: best.learningRate, heldOut: best.heldOut.top1,
        loss: best.heldOut.loss))
    try CheckpointWriter.write(weights, to: outputPath)
  }

  private struct Provenance: Encodable {
    let settings: LinearProbe
    let learningRate: Double
    let heldOut: Double
    let loss: Double
  }

  private struct Report: Encodable {
    struct Rate: Encodable {
      let learningRate: Double
      let top1: Double
      let loss: Double

      private enum CodingKeys: String, CodingKey {
        case learningRate = "learning_rate"
        case top1, loss
      }
    }

    let output: String
    /// The one that was kept.
    let learningRate: Double
    let heldOut: Score
    let sweep: [Rate]
    let trainImages: Int
    let features: Int

    private enum CodingKeys: String, CodingKey {
      case output
      case learningRate = "learning_rate"
      case heldOut = "held_out"
      case sweep
      case trainImages = "train_images"
      case features
    }
  }
}

struct ProbeOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Learning rates to try, as 1e-3,1e-2. (default: 1e-4,3e-4,6e-4,1e-3,3e-3,6e-3,1e-2,3e-2,6e-2)", valueName: "list")
  )
  var lr: RateList = RateList(values: LinearProbe.usualRates)

  @Option(help: ArgumentHelp("Passes over the features.", valueName: "n")) var epochs = 100
  @Option(help: ArgumentHelp("Images per step.", valueName: "n")) var stepImages = 256
  @Option(help: ArgumentHelp("Weight decay of AdamW.", valueName: "decay")) var weightDecay = 0.01
  @Option(help: ArgumentHelp("Part of all steps that warm up.", valueName: "fraction")) var warmupFraction = 0.1
  @Option(help: ArgumentHelp("Seed of the order of the images.", valueName: "n")) var seed: UInt64 = 0

  func validate() throws {
    if epochs < 1 { throw ValidationError("--epochs must be at least 1, found \(epochs)") }
    if stepImages < 1 { throw ValidationError("--step-images must be at least 1, found \(stepImages)") }
    if !(weightDecay >= 0 && weightDecay.isFinite) {
      throw ValidationError("--weight-decay must be 0 or more, found \(weightDecay)")
    }
    if !(0..<1).contains(warmupFraction) {
      throw ValidationError("--warmup-fraction must be in 0..<1, found \(warmupFraction)")
    }
  }

  var probe: LinearProbe {
    LinearProbe(
      learningRates: lr.values, epochs: epochs, batchSize: stepImages, weightDecay: weightDecay,
      schedule: .linearCosine(fraction: warmupFraction, start: 1e-6), seed: seed)
  }

  struct RateList: ExpressibleByArgument {
    let values: [Double]
    var defaultValueDescription: String { "" }

    init(values: [Double]) { self.values = values }

    init?(argument: String) {
      let values = argument.split(separator: ",").map { Double($0.trimmingCharacters(in: .whitespaces)) }
      guard !values.isEmpty, values.allSatisfy({ ($0 ?? 0) > 0 && ($0 ?? 0).isFinite }) else { return nil }
      self.values = values.compactMap { $0 }
    }
  }
}

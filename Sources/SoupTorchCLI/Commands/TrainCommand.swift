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

/// `soup train`
struct TrainCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train or fine-tune a model: make an ingredient.",
    discussion: """
      EXAMPLES
        A base model:
          soup train --data fashion-mnist --model resnet20 -o base.safetensors
        Ingredients, fine-tuned from it with different settings:
          soup train --data fashion-mnist --from base.safetensors --lr 0.01 \\
            --augment crop=2,flip --seed 1 -o a.safetensors
          soup train --data fashion-mnist --from base.safetensors --lr 0.03 \\
            --mixup 0.2 --seed 2 -o b.safetensors
        A small vision transformer:
          soup train --data cifar10 --model vit-tiny:patch=4 --optimizer adamw \\
            --warmup 5 --clip-norm 1 -o vit.safetensors
        Averages along the run, base-swa.safetensors and base-lawa.safetensors:
          soup train --data fashion-mnist --model resnet20 --epochs 20 \\
            --swa-start 15 --lawa-window 5 -o base.safetensors
        Self-supervised: an ingredient trained on corrupted test images, no labels:
          soup train --data fashion-mnist --from vit.safetensors --objective mae \\
            --split test --subset even --shift cifar-c --steps 1000 \\
            --optimizer adamw --lr 4e-5 --warmup-fraction 0.1 \\
            --augment 3-augment -o mae.safetensors

        A trunk that keeps its state every 5 epochs, and a branch of it:
          soup train --data fashion-mnist --model resnet20 --epochs 20 \\
            --checkpoint-every 5 -o trunk.safetensors
          soup train --data fashion-mnist --branch trunk-epoch-10.state \\
            --lr-scale 0.7 --weight-decay-scale 1.1 --seed 1 -o 10_1.safetensors

      RESUMING
        Run the same command again after Ctrl-C, a crash or kill -9: it goes on
        from OUTPUT.state and ends with the same bytes as if nothing had
        happened. A finished run is not repeated. --restart starts over.

      HELD-OUT IMAGES
        A tenth of the training images is never trained on, so that soups can
        be chosen by it. Ingredients of one soup must share --held-out and
        --split-seed; both are recorded in the checkpoint.
      """)

  @OptionGroup(title: "Model and data") var data: TrainingDataOptions
  @OptionGroup(title: "Which images") var choice: ImageChoiceOptions
  @OptionGroup(title: "Objective") var objective: ObjectiveOptions
  @OptionGroup(title: "Optimization") var optimization: OptimizationOptions
  @OptionGroup(title: "Regularization") var regularization: RegularizationOptions
  @OptionGroup(title: "Averages along the run") var averaging: AveragingOptions
  @OptionGroup(title: "Trunk and branches") var branching: BranchOptions
  @OptionGroup(title: "Files") var files: TrainingFileOptions
  @OptionGroup(title: "Computation") var computation: DeviceOptions
  @OptionGroup(title: "Printing") var output: OutputOptions

  func validate() throws {
    if data.model == nil, data.from == nil, branching.branch == nil {
      throw ValidationError(
        "name an architecture (--model resnet20), weights to fine-tune (--from base.safetensors) or a state to branch from "
          + "(--branch trunk-epoch-5.state)")
    }
  }

  func run(_ console: Console) throws {
    Interrupts.install()
    let files = files.files(averaging, branching)
    let point = try branching.point()
    let interrupted = restart ? nil : try Trainer.interrupted(at: files)
    let device = try computation.prepare(threads: interrupted?.threads)
    var (view, augmentation) = try regularization.views()
    if let point { view = point.trunk.view }
    let specification = try data.badImages.apply(to: DatasetSpecification(parsing: data.data))
    // A branch goes on with its trunk's images and objective.
    let choice = try point.map { $0.trunk.images ?? ImageChoice() } ?? choice.choice()
    let isSupervised = point.map { $0.trunk.objective == nil } ?? (objective.objective == .supervised)
    guard choice.part == .train || !isSupervised else {
      throw ValidationError("labels of test images are not for training; --split test goes with another --objective")
    }
    // Files of images draw their views while they are decoded, so they have to know how many are global.
    let globalViews = try (point == nil ? objective.configuration(base: nil)?.0 : point?.trunk.objective)?.views.global
    let viewed = specification.kind.isEncoded ? specification.with(view, globalViews: globalViews) : specification
    let images = try viewed.open(choice.part)
    BadImageOptions.report(images, console)
    let base = try data.from.map { try Checkpoint(contentsOf: $0) }
    let whole = try base?.stateDict()
    // A masked autoencoder's file may hold its decoder too.
    let weights = try whole?.keeping { !MaskedDecoder.isName($0) }
    let model =
      try point?.trunk.model ?? data.configuration(images: images, base: base, needsLabels: isSupervised)
    let (heldOut, splitSeed) = (
      point?.trunk.data.heldOut ?? data.heldOut, point?.trunk.data.splitSeed ?? data.splitSeed
    )
    let split = try Split(
      count: images.count, heldOutFraction: choice.part == .train ? heldOut : 0, seed: splitSeed)(images)
    let chosen = try choice(
      images, allowed: split.train.indices, bank: self.choice.corruptions.textures())
    let optimizer = optimization.optimizerConfiguration()
    let objective = try objective.configuration(base: whole)
    var configuration = TrainingConfiguration(
      model: model,
      data: DataConfiguration(
        dataset: specification.kind.isEncoded ? specification.description : specification.kind.rawValue,
        checksum: String(try trainingImages(images, of: specification, choice.part).checksum(), radix: 16),
        heldOut: heldOut, splitSeed: splitSeed),
      base: weights.map {
        BaseConfiguration(fingerprint: WeightFingerprint($0).description, resetHead: data.resetHead)
      },
      objective: objective?.0, images: choice == ImageChoice() ? nil : choice,
      epochs: optimization.epochs(images: chosen.count), batchSize: optimization.batchSize, optimizer: optimizer,
      schedule: optimization.schedule(
        stepsPerEpoch: TrainingConfiguration.stepsPerEpoch(
          images: chosen.count, batchSize: optimization.batchSize)),
      augmentation: augmentation, view: view,
      labelSmoothing: regularization.labelSmoothing, mixup: regularization.mixup, dropPath: regularization.dropPath,
      precision: computation.precision(on: device), ema: averaging.ema,
      swa: averaging.swa(learningRate: optimizer.learningRate), lawa: averaging.lawa,
      averageStatistics: averaging.averageBatchNorm, clipNorm: optimization.clipNorm,
      keep: regularization.keep, seed: optimization.seed)
    if let point { configuration = try branch(from: point, configuration) }
    if let views = configuration.objective?.views.all, views > 1, view == nil, augmentation.isEmpty, !chosen.drawsViews
    {
      throw ValidationError(
        "--objective \(self.objective.objective.rawValue) compares \(views) different views of each image; name how they "
          + "differ, as --augment 3-augment")
    }
    try configuration.validate()

    // Without labels the classifier is not trained, and its accuracy says nothing.
    let evaluator =
      isSupervised && split.heldOut.count > 0
      ? try Evaluator(
        split.heldOut, precision: configuration.precision, device: device, loaderThreads: computation.loaderThreads)
      : nil
    var trainer = Trainer(
      configuration, files: files, data: chosen, device: device, loaderThreads: computation.loaderThreads,
      saveInterval: self.files.saveInterval, restart: restart)
    trainer.branch = point
    trainer.head = objective?.head
    if let weights, let path = data.from { trainer.base = (weights, URL(fileURLWithPath: path).lastPathComponent) }
    if let evaluator {
      trainer.validate = { model in
        let score = try evaluator.score(model)
        return HeldOutResult(top1: score.top1, loss: score.loss)
      }
    }
    try train(trainer, console)
  }

  /// The training images that the record of held-out images is about, whichever are trained on; sets of test images alone have
  /// none, and are named by those.
  private func trainingImages(
    _ images: any ImageDataset, of specification: DatasetSpecification, _ part: DatasetSpecification.Part
  ) throws -> any ImageDataset {
    part == .train ? images : (try? specification.open(.train)) ?? images
  }

  private var restart: Bool { files.restart }

  /// The trunk's settings with what this branch changes.
  private func branch(from point: BranchPoint, _ given: TrainingConfiguration) throws -> TrainingConfiguration {
    guard given.data == point.trunk.data else {
      throw TrainingError(
        .badConfiguration, file: point.name,
        "the trunk of '\(point.name)' was trained on \(point.trunk.data.dataset) (\(point.trunk.data.checksum)), "
          + "--data is \(given.data.dataset) (\(given.data.checksum)); name the same images")
    }
    let scaled = branching.scales.learningRate * point.trunk.optimizer.learningRate
    return try point.configuration(
      scales: branching.scales, epochs: optimization.epochs, extraEpochs: branching.extraEpochs ?? 0,
      seed: given.seed, keep: given.keep, swa: averaging.swa(learningRate: scaled), lawa: averaging.lawa,
      averageStatistics: averaging.averageBatchNorm)
  }

  private func train(_ trainer: Trainer, _ console: Console) throws {
    let output = trainer.files.output
    var bar: ProgressBar?
    let show: (TrainingProgress) throws -> Void = { progress in
      switch progress {
      case .started(let plan):
        let resumed = plan.completedSteps > 0 ? ", continuing after step \(Format.count(plan.completedSteps))" : ""
        console.note(
          "\(trainer.configuration.model): \(Format.count(plan.parameters)) parameters, "
            + "\(Format.count(plan.trainingImages)) images, \(Format.count(plan.totalSteps)) steps in "
            + "\(trainer.configuration.precision.rawValue)\(resumed)")
        bar = console.progress(
          "Training", total: plan.totalSteps * trainer.configuration.batchSize, unit: .items("images"))
      case .step(let step):
        bar?.update(
          completed: step.step * trainer.configuration.batchSize,
          message: "epoch \(Format.fixed(step.epoch, 2)), loss \(Format.fixed(step.loss, 3))")
      case .heldOut(let result, let step):
        console.note(
          "step \(Format.count(step)): held-out \(Format.percent(result.top1)) %, loss \(Format.fixed(result.loss, 4))")
      case .averaged(let result):
        let score = result.heldOut.map {
          ": held-out \(Format.percent($0.top1)) %, loss \(Format.fixed($0.loss, 4))"
        }
        console.note(
          "\(result.average.rawValue.uppercased()) of \(Format.count(result.moments)), \(result.file)\(score ?? "")")
      case .checkpoint(let path, let epoch): console.note("epoch \(epoch): state kept in \(path)")
      case .saved: break
      }
    }
    let outcome = try trainer.run(shouldStop: { Interrupts.isRequested }, progress: show)
    bar?.finish()
    switch outcome {
    case .finished(let summary):
      if console.isJSON {
        try console.emit(Report(output: output, status: "trained", summary: summary))
      } else {
        let score = summary.heldOut.map { ", held-out \(Format.percent($0.top1)) %" } ?? ""
        console.print(
          "\(output): \(Format.count(summary.steps)) steps in \(Format.duration(summary.seconds))"
            + " (\(Format.significant(summary.imagesPerSecond, 3)) images/s)\(score)")
      }
    case .alreadyFinished:
      if console.isJSON {
        try console.emit(Report(output: output, status: "already done", summary: nil))
      } else {
        console.print("\(output): already done with these settings; --restart trains it anew")
      }
    case .interrupted(let step):
      console.note(
        "stopped after step \(Format.count(step)); the state is in \(trainer.files.state). "
          + "Run the same command again to continue")
      throw ExitCode(Interrupts.exitCode)
    }
  }

  private struct Report: Encodable {
    let output: String
    let status: String
    let summary: TrainingSummary?
  }
}

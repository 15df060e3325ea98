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
    let specification = try data.badImages.apply(to: DatasetSpecification(parsing: data.data))
    let images = try specification.open(.train)
    BadImageOptions.report(images, console)
    let base = try data.from.map { try Checkpoint(contentsOf: $0) }
    let weights = try base?.stateDict()
    let model = try point?.trunk.model ?? data.configuration(images: images, base: base)
    let (heldOut, splitSeed) = (
      point?.trunk.data.heldOut ?? data.heldOut, point?.trunk.data.splitSeed ?? data.splitSeed
    )
    let split = try Split(count: images.count, heldOutFraction: heldOut, seed: splitSeed)(images)
    let optimizer = optimization.optimizerConfiguration()
    var configuration = TrainingConfiguration(
      model: model,
      data: DataConfiguration(
        dataset: specification.kind.isEncoded ? specification.description : specification.kind.rawValue,
        checksum: String(images.checksum(), radix: 16), heldOut: heldOut,
        splitSeed: splitSeed),
      base: weights.map {
        BaseConfiguration(fingerprint: WeightFingerprint($0).description, resetHead: data.resetHead)
      },
      epochs: optimization.epochs ?? 10, batchSize: optimization.batchSize, optimizer: optimizer,
      schedule: optimization.schedule(
        stepsPerEpoch: TrainingConfiguration.stepsPerEpoch(
          images: split.train.count, batchSize: optimization.batchSize)),
      augmentation: try Augmentation.list(parsing: regularization.augment),
      labelSmoothing: regularization.labelSmoothing, mixup: regularization.mixup, dropPath: regularization.dropPath,
      precision: computation.precision(on: device), ema: averaging.ema,
      swa: averaging.swa(learningRate: optimizer.learningRate), lawa: averaging.lawa,
      averageStatistics: averaging.averageBatchNorm, clipNorm: optimization.clipNorm,
      keep: regularization.keep, seed: optimization.seed)
    if let point { configuration = try branch(from: point, configuration) }
    try configuration.validate()

    let evaluator =
      split.heldOut.count > 0
      ? try Evaluator(
        split.heldOut, precision: configuration.precision, device: device, loaderThreads: computation.loaderThreads)
      : nil
    var trainer = Trainer(
      configuration, files: files, data: split.train, device: device, loaderThreads: computation.loaderThreads,
      saveInterval: self.files.saveInterval, restart: restart)
    trainer.branch = point
    if let weights, let path = data.from { trainer.base = (weights, URL(fileURLWithPath: path).lastPathComponent) }
    if let evaluator {
      trainer.validate = { model in
        let score = try evaluator.score(model)
        return HeldOutResult(top1: score.top1, loss: score.loss)
      }
    }
    try train(trainer, console)
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

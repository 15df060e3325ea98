import ArgumentParser
import Foundation
import SoupCLI
import SoupCheckpoints
import SoupData
import SoupEvaluation
import SoupMixing
import SoupModels
import SoupSeasoning
import SoupTensors
import SoupTorch

/// What `soup season learned` and `layerwise` take and do.
struct LearnedRun: ParsableArguments {
  @OptionGroup var seasoning: SeasoningOptions
  @OptionGroup(title: "Learning") var learning: LearningOptions
  @OptionGroup(title: "Data") var data: EvaluationDataOptions
  @OptionGroup(title: "Computation") var computation: DeviceOptions
  @OptionGroup(title: "Printing") var output: OutputOptions

  func run(_ extent: MixtureCoefficients.Extent, _ console: Console) throws {
    Interrupts.install()
    try seasoning.checkOutput()
    let device = try computation.prepare()
    let ingredients = try Ingredients(seasoning.checkpoints, model: data.namedModel())
    let images = try EvaluationImages(data, for: ingredients, console: console)
    let heldOut = try images.load(.heldOut)
    let model = try ingredients.makeModel(on: device)
    let soup = LearnedSoup(
      extent, learningRate: learning.lr, epochs: learning.epochs, batchSize: learning.stepImages,
      learnsTemperature: learning.temperature, seed: learning.seed, precision: computation.precision(on: device))
    let search = CoefficientSearch(soup: seasoning.soupPath, restart: learning.restart)
    let (result, seconds) = try search.run("Learning", saveEvery: learning.saveEvery, console) { saving, show in
      let outcome = try soup.season(
        ingredients.paths, model: model, data: heldOut, device: device, loaderThreads: computation.loaderThreads,
        saving: saving, shouldStop: { Interrupts.isRequested }
      ) {
        show($0.step, $0.totalSteps, "loss \(Format.fixed($0.loss, 4)), beta \(Format.fixed($0.temperature, 3))")
      }
      return if case .finished(let result) = outcome { result } else { LearnedResult?.none }
    }
    try finish(
      result, ingredients, model, device, images: images, heldOut: heldOut, secondsPerStep: seconds, console)
    search.finish()
  }

  private func finish(
    _ result: LearnedResult, _ ingredients: Ingredients, _ model: any Network, _ device: Device,
    images: EvaluationImages, heldOut: any ImageDataset, secondsPerStep: Double, _ console: Console
  ) throws {
    let evaluator = try Evaluator(
      heldOut, batchSize: data.batchSize, precision: computation.precision(on: device), device: device,
      loaderThreads: computation.loaderThreads)
    let recalibration =
      try learning.recomputeBN
      ? BatchNormRecalibration(
        images.load(.train), images: learning.batchNormImages, batchSize: data.batchSize, device: device,
        loaderThreads: computation.loaderThreads) : nil
    let scorer = RecipeScorer(model: model, evaluator: evaluator, recalibration: recalibration)
    let uniform = try scorer.score(.uniform(result.paths))
    let score = try scorer.score(result.recipe)
    var soup = try scorer.weights(result.recipe)
    soup.metadata["soup.seasoning"] = try Console.json(
      Provenance(result, heldOut: score, recomputed: learning.recomputeBN))
    try CheckpointWriter.write(soup, to: seasoning.soupPath)
    if let path = learning.recipe {
      try Data((result.recipe.json() + "\n").utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
    if console.isJSON {
      try console.emit(
        Report(
          output: seasoning.soupPath, ingredients: result.paths, weights: result.meanWeights,
          temperature: result.temperature, epochs: result.epochs, heldOut: score, uniform: uniform,
          secondsPerStep: secondsPerStep))
      return
    }
    var table = Table([.init("ingredient"), .init("share %", .right)])
    for (index, name) in ingredients.names.enumerated() {
      table.add([name, Format.percent(result.meanWeights[index])])
    }
    console.print(table)
    console.print(
      "\(seasoning.soupPath): held-out \(Metric.top1.text(of: score)), loss \(Format.fixed(score.loss, 4)); uniform soup "
        + "\(Metric.top1.text(of: uniform)), \(Format.fixed(uniform.loss, 4)); beta \(Format.fixed(result.temperature, 3))"
    )
  }
}

extension LearnedRun {
  private struct Report: Encodable {
    let output: String
    let ingredients: [String]
    /// Averaged over tensors.
    let weights: [Double]
    let temperature: Double
    let epochs: [LearnedResult.Epoch]
    let heldOut: Score
    let uniform: Score
    /// Of this process, opening the ingredients included.
    let secondsPerStep: Double
  }

  /// What the soup's metadata tells about the search; the coefficients of every tensor are in its recipe.
  private struct Provenance: Encodable {
    let method: String
    let settings: LearnedSoup
    let weights: [Double]
    let temperature: Double
    let heldOut: Double
    let loss: Double
    let recomputedBatchNorm: Bool

    init(_ result: LearnedResult, heldOut: Score, recomputed: Bool) {
      method = result.configuration.extent == .model ? "learned" : "layerwise"
      settings = result.configuration
      weights = result.meanWeights
      temperature = result.temperature
      self.heldOut = heldOut.top1
      loss = heldOut.loss
      recomputedBatchNorm = recomputed
    }
  }
}

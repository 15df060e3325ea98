import ArgumentParser
import Foundation
import SoupAnalysis
import SoupCLI
import SoupCheckpoints
import SoupData
import SoupEvaluation
import SoupTensors
import SoupTorch
import Synchronization

/// `soup compare --data`: what the weights say, and what the models say about images.
struct CompareDataCommand: ConsoleCommand {
  static let configuration = CompareCommand.configuration

  @OptionGroup var options: CompareOptions
  @OptionGroup(title: "With data") var data: CompareDataOptions

  @Option(name: .long, help: ArgumentHelp("Threads; all cores by default.", valueName: "n"))
  var threads: Int?

  @OptionGroup(title: "Printing") var output: OutputOptions

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
    guard EvaluationImages.Part(rawValue: data.split) != nil else {
      throw ValidationError("--split is test, held-out or train, found '\(data.split)'.")
    }
  }

  func run(_ console: Console) throws {
    if let threads { try Torch.setThreadCount(threads) }
    let device = try Device(data.device)
    let cores = threads ?? ProcessInfo.processInfo.activeProcessorCount
    var comparison = try Comparison(options, threads: threads, console)
    let ingredients = try Ingredients(comparison.paths, model: data.model.map { try NamedModel(parsing: $0) })
    let named = ["--data", data.data ?? ""].filter { !$0.isEmpty }
    let images = try EvaluationImages(EvaluationDataOptions.parse(named), for: ingredients, console: console)
    var part = try images.load(EvaluationImages.Part(rawValue: data.split)!)
    if let wanted = data.images { part = try Subset.spread(wanted, of: part) }
    let reader = try ResponseReader(part, batchSize: data.batchSize, device: device)
    let model = try ingredients.makeModel(on: device)
    let bar = console.progress("Evaluating", total: comparison.paths.count * part.count, unit: .items("images"))
    var logits: [HostTensor] = []
    var features: [HostTensor] = []
    for (index, path) in ingredients.paths.enumerated() {
      try model.store.load(Checkpoint(contentsOf: path).stateDict())
      let found = try reader(model) { bar.update(completed: index * part.count + $0) }
      logits.append(found.logits)
      if let seen = found.features { features.append(seen) }
    }
    bar.finish()
    try add(logits, features, to: &comparison, cores, device, console)
    try comparison.report(options, console)
  }

  private func add(
    _ logits: [HostTensor], _ features: [HostTensor], to comparison: inout Comparison, _ threads: Int, _ device: Device,
    _ console: Console
  ) throws {
    let bar = console.progress("Comparing outputs", total: 300, unit: .items("parts"))
    let done = Mutex(0.0)
    let outputs = try OutputSimilarity(logits, threads: threads) { share in
      let sum = done.withLock { done in
        done += share
        return done
      }
      bar.update(completed: Int(100 * sum))
    }
    let byLogits = try KernelAlignment(logits, device: device, threads: threads) {
      bar.update(completed: 100 + Int(100 * $0))
    }
    let byFeatures =
      features.count == logits.count
      ? try KernelAlignment(features, device: device, threads: threads) { bar.update(completed: 200 + Int(100 * $0)) }
      : nil
    bar.finish()
    for index in outputs.broken {
      console.warn("\(comparison.paths[index]) has logits that are not finite; its pairs have no measure of outputs")
    }
    comparison.similarities.add("cka_logits") { byLogits[$0, $1] }
    comparison.similarities.add("mse_logits") { outputs[$0, $1]?.mse }
    comparison.similarities.add("kl_logits") { outputs[$0, $1]?.kl }
    comparison.similarities.add("js_logits") { outputs[$0, $1]?.js }
    comparison.similarities.add("disagreement") { outputs[$0, $1]?.disagreement }
    if let byFeatures { comparison.similarities.add("cka_features") { byFeatures[$0, $1] } }
  }
}

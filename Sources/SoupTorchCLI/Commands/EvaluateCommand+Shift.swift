import Foundation
import SoupAnalysis
import SoupCLI
import SoupEvaluation
import SoupMixing
import SoupSeasoning
import SoupTorch

extension EvaluateCommand {
  /// `soup evaluate --shift`: all models in one pass over the corrupted images.
  /// - Parameter chooser: held-out images, for the members of a greedy ensemble.
  func evaluate(
    _ images: ShiftedImages, with scorer: RecipeScorer, choosing chooser: RecipeScorer?, _ ingredients: Ingredients,
    on device: Device, _ console: Console
  ) throws {
    var recipes = ingredients.paths.map { Recipe.uniform([$0]) }
    let ensembles = try chosen(chooser, recipes, console)
    if adapting.adapt { recipes.append(.uniform(ingredients.paths)) }
    let total = recipes.count * images.versions.count * images.count
    let bar = console.progress("Evaluating \(images.name)", total: total, unit: .items("images"))
    var outcomes = try scorer.outcomes(
      of: recipes, ensembles: ensembles.map(\.members), under: images,
      pass: ShiftPass(
        batchSize: data.batchSize,
        threads: computation.givenLoaderThreads ?? ProcessInfo.processInfo.activeProcessorCount)
    ) { bar.update(completed: $0) }
    bar.finish()

    var names = ingredients.paths
    if adapting.adapt { names.append("uniform soup of \(ingredients.paths.count)") }
    names += ensembles.map(\.name)
    var mixture: [Double]?
    if adapting.adapt {
      let adapted = try adapt(to: images, ingredients, on: device, console)
      names.append(Self.adapted)
      outcomes.append(adapted.outcomes)
      mixture = adapted.mixture
    }
    for (name, outcome) in zip(names, outcomes) {
      let broken = outcome.versions.reduce(0) { $0 + $1.score.nonFinite }
      if broken > 0 { console.warn("\(name): \(broken) images have logits that are not finite; they count as wrong") }
    }
    let rows = Array(zip(names, outcomes))
    if let predictions {
      try PredictionsFile.write(rows.map { ($0.0, $0.1) }, of: images, split: split.rawValue, to: predictions)
    }
    let results = try ShiftResult.all(outcomes, of: images, seed: shift.shift == nil ? nil : shift.shiftSeed ?? 0)
    let clean = images.versions.firstIndex(where: \.isClean)
    if console.isJSON {
      for (index, result) in results.enumerated() {
        let score = clean.map { outcomes[index].versions[$0].score }
        let isEnsemble = (recipes.count..<recipes.count + ensembles.count).contains(index)
        let members = isEnsemble ? ensembles[index - recipes.count].paths(in: ingredients) : nil
        try console.emit(
          ShiftReport(
            checkpoint: names[index], split: split.rawValue, subset: chosenSubset, shift: result, score: score,
            interval: try score.map(Statistics.interval), members: members, predictions: predictions,
            knn: knn ? neighbours.vote : nil,
            mixture: names[index] == Self.adapted ? mixture : nil))
      }
      return
    }
    let tables = ShiftTables(
      names: names, results: results,
      clean: clean.map { version in outcomes.map { $0.versions[version].score } },
      severities: Set(images.versions.filter { !$0.isClean }.map(\.severity)).sorted())
    if results.count <= ShiftTables.widest {
      console.print(tables.corruptions())
      console.print()
    } else {
      console.note("Each corruption of each model: --json, or --predictions")
    }
    console.print(try tables.summary())
    console.note(
      "\(images.base.name), \(split.rawValue): \(Format.count(images.count)) images in \(images.shifted.count) versions"
    )
    if let mixture { console.note(Self.shares(mixture, ingredients)) }
    console.note(ShiftTables.legend)
    if perClass {
      let means = rows.map { name, outcome in
        (
          name: name,
          perClass: images.classNames.indices.map { label in outcome.mean(images.shifted) { $0.perClass[label] } }
        )
      }
      console.print("\n" + classTable(means, images.classNames).rendered())
    }
  }

  /// Every version is a stream of its own.
  private func adapt(
    to images: ShiftedImages, _ ingredients: Ingredients, on device: Device, _ console: Console
  ) throws -> (outcomes: ShiftOutcomes, mixture: [Double]) {
    let mixer = try adapt(ingredients, on: device)
    let bar = console.progress("Adapting", total: images.versions.count * images.count, unit: .items("images"))
    var versions: [SampleOutcomes] = []
    var weights: [[Double]] = []
    for version in images.versions.indices {
      let stream = try mixer.predict(
        images.images(of: version), batchSize: data.batchSize, device: device,
        loaderThreads: computation.givenLoaderThreads ?? ProcessInfo.processInfo.activeProcessorCount
      ) { bar.update(completed: version * images.count + $0) }
      versions.append(try images.outcomes(stream.logits))
      weights.append(stream.meanWeights)
    }
    bar.finish()
    let means = ingredients.paths.indices.map { index in
      weights.reduce(0) { $0 + $1[index] } / Double(weights.count)
    }
    return (ShiftOutcomes(versions: versions), means)
  }

  private struct ChosenEnsemble {
    let name: String
    let isGreedy: Bool
    let members: EnsembleMembers

    /// Of an ensemble that did not take all.
    func paths(in ingredients: Ingredients) -> [String]? {
      isGreedy ? members.members.map { ingredients.paths[$0] } : nil
    }
  }

  private func chosen(
    _ chooser: RecipeScorer?, _ recipes: [Recipe], _ console: Console
  ) throws -> [ChosenEnsemble] {
    var greedy = Array(recipes.indices)
    if let chooser {
      let count = chooser.evaluator.data.count
      let bar = console.progress("Choosing on held-out images", total: recipes.count * count, unit: .items("images"))
      chooser.progress = { [unowned chooser] _, done in bar.update(completed: chooser.evaluations * count + done) }
      greedy = try chooser.select(GreedyEnsemble(), from: recipes).kept
      bar.finish()
    }
    return ensemble.map { kind in
      let members = kind == .greedy ? greedy : Array(recipes.indices)
      return ChosenEnsemble(
        name: "\(kind.title) of \(members.count)", isGreedy: kind == .greedy,
        members: EnsembleMembers(members, by: kind.method))
    }
  }
}

/// A line of JSON.
private struct ShiftReport: Encodable {
  let checkpoint: String
  let split: String
  let subset: String?
  let shift: ShiftResult
  /// On the images as they are.
  let score: Score?
  /// Of its accuracy.
  let interval: Interval?
  let members: [String]?
  let predictions: String?
  /// Where neighbours were asked rather than the classifier.
  let knn: NeighbourVote?
  /// The mean share of every checkpoint, where mixtures were adapted.
  let mixture: [Double]?
}

import ArgumentParser
import SoupAnalysis
import SoupCLI
import SoupCheckpoints
import SoupData
import SoupEvaluation
import SoupMixing
import SoupModels
import SoupSeasoning
import SoupTorch

/// `soup evaluate`
struct EvaluateCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate",
    abstract: "Score a checkpoint, a soup or an ensemble on a dataset.",
    discussion: """
      EXAMPLES
        soup evaluate soup.safetensors
        soup evaluate runs/*.safetensors --ensemble logits --ensemble greedy
        soup evaluate soup.safetensors --batch-norm recompute --per-class
        soup evaluate torch.safetensors --model resnet50 --data cifar100:/cifar
        soup evaluate best.safetensors soup.safetensors --shift cifar-c
        soup evaluate soup.safetensors --shift cifar-c --subset odd
        soup evaluate encoder.safetensors --knn --data cifar10:/cifar
        soup evaluate fog.safetensors snow.safetensors --adapt --shift cifar-c

      Checkpoints made by soup train, and soups of them, know their architecture,
      their data and what was held out. ECE is the expected calibration error over 15
      bins of equal mass. Where there are several rows, each is compared with the
      first on the same images: the difference with its 95 % interval (paired
      bootstrap) and McNemar's exact p.

      --shift corrupts the images in memory on all cores, once for all models, at the
      strengths published for their size. A shift of test images is of test images:
      nothing selects on it.

      --knn leaves the classifier out: the training images that are not held out vote
      by their features. It judges encoders without classifier, or for other classes.

      --adapt also scores mixtures of the checkpoints whose coefficients follow the
      images: for every batch a few steps of soup season self, without labels.
      """)

  @Argument(help: ArgumentHelp("Checkpoints, or folders of them.", valueName: "checkpoint"))
  var checkpoints: [String]

  @Option(help: ArgumentHelp("test, held-out, or train (without the held-out images).", valueName: "part"))
  var split: EvaluationImages.Part = .test

  @Option(
    help: ArgumentHelp(
      "all, or every second image: even or odd, counted from 0 in the whole set.", valueName: "which"))
  var subset: ImageChoice.Subset = .all

  @Option(
    help: ArgumentHelp(
      "Also score an ensemble: mean logits, mean probabilities, or greedy, whose members are chosen on held-out images. "
        + "May be given several times.", valueName: "kind"))
  var ensemble: [EnsembleChoice] = []

  @Option(
    help: ArgumentHelp(
      "Write whether each image is right, and its loss, for every row, under a shift for every corruption and "
        + "severity of it (safetensors).", valueName: "path"))
  var predictions: String?

  @Flag(help: "Also print the accuracy of each class.")
  var perClass = false

  @Flag(help: "Classify by the nearest training images instead of the classifier.")
  var knn = false

  @OptionGroup(title: "Data") var data: EvaluationDataOptions
  @OptionGroup(title: "Shift") var shift: ShiftOptions
  @OptionGroup(title: "Nearest neighbours") var neighbours: NeighbourOptions
  @OptionGroup(title: "Adapting") var adapting: AdaptOptions
  @OptionGroup(title: "Batch norm") var batchNorm: BatchNormOptions
  @OptionGroup(title: "Computation") var computation: DeviceOptions
  @OptionGroup(title: "Printing") var output: OutputOptions

  func validate() throws {
    // What is no data set is an error of its own, later.
    let named = data.data.flatMap { try? DatasetSpecification(parsing: $0) }
    try shift.check(stored: named.flatMap { $0.isStoredShift ? $0 : nil })
    try neighbours.check(isUsed: knn, "--knn")
    if knn, adapting.adapt { throw ValidationError("--adapt predicts with classifiers; leave out --knn") }
    if knn, !ensemble.isEmpty {
      throw ValidationError("--knn has no logits to make an ensemble of; leave out --ensemble")
    }
    if knn, split == .train {
      throw ValidationError("--knn asks the training images, which would find themselves; leave out --split train")
    }
  }

  func run(_ console: Console) throws {
    let device = try computation.prepare()
    let ingredients = try Ingredients(checkpoints, model: data.namedModel())
    // Neighbours of test images may be any training images, where nothing says that some are held out.
    let images = try EvaluationImages(
      data, for: ingredients, console: console, heldOut: knn && split == .test ? 0 : nil)
    if ensemble.contains(.greedy), split == .train {
      throw ValidationError("--ensemble greedy chooses on held-out images; score it on --split test")
    }
    let recalibration = try batchNorm.recalibration(
      images, batchSize: data.batchSize, device: device, loaderThreads: computation.loaderThreads)
    let model = try ingredients.makeModel(on: device)
    let network =
      try knn
      ? neighbours.network(model, images, batchSize: data.batchSize, computation, on: device, console) : nil
    func makeScorer(_ data: any ImageDataset) throws -> RecipeScorer {
      let evaluator = try Evaluator(
        data, batchSize: self.data.batchSize, precision: computation.precision(on: device), device: device,
        loaderThreads: computation.loaderThreads)
      let scorer = RecipeScorer(
        model: network ?? model, evaluator: evaluator, recalibration: recalibration)
      scorer.recalibratesSingles = true
      return scorer
    }
    let stored = images.specification.isStoredShift ? images.specification : nil
    try shift.check(stored: stored)
    guard stored == nil || split == .test else {
      throw ValidationError("\(images.specification) has test images only; leave out --split")
    }
    let onDisk = try stored.map { try shift.load(stored: $0, subset: subset) }
    let part = try onDisk?.base ?? images.load(split, subset: subset)
    let scorer = try makeScorer(part)
    let evaluator = scorer.evaluator
    let shifted = try onDisk ?? shift.load(part)
    // A greedy ensemble is chosen on held-out images as they are, whichever it is scored on.
    let chooser =
      ensemble.contains(.greedy) && (split != .heldOut || shifted != nil) ? try makeScorer(images.load(.heldOut)) : nil
    if ensemble.contains(.greedy), split == .heldOut {
      console.warn("the greedy ensemble was chosen on these images; its honest score is that of --split test")
    }
    if adapting.adapt, ingredients.paths.count < 2 {
      throw ValidationError("--adapt mixes two checkpoints or more, found \(ingredients.paths.count)")
    }
    if let shifted {
      if let network { console.note(Self.explanation(network)) }
      return try evaluate(shifted, with: scorer, choosing: chooser, ingredients, on: device, console)
    }

    let k = ingredients.paths.count
    let bankCount = network?.bank.data.count ?? 0
    let passImages = evaluator.data.count + bankCount
    let bar = console.progress(
      "Evaluating", total: (k + (adapting.adapt ? 1 : 0)) * passImages + k * (chooser?.evaluator.data.count ?? 0),
      unit: .items("images"))
    network?.progress = { [unowned scorer] done in bar.update(completed: scorer.evaluations * passImages + done) }
    scorer.progress = { [unowned scorer] _, done in
      bar.update(completed: scorer.evaluations * passImages + bankCount + done)
    }
    chooser?.progress = { [unowned scorer] _, done in
      bar.update(completed: scorer.evaluations * evaluator.data.count + done)
    }
    let recipes = ingredients.paths.map { Recipe.uniform([$0]) }
    var rows = try zip(ingredients.paths, recipes).map {
      Row(name: $0, outcomes: try scorer.outcomes($1), members: nil)
    }
    for kind in ensemble {
      var members = Array(recipes.indices)
      if kind == .greedy { members = try (chooser ?? scorer).select(GreedyEnsemble(), from: recipes).kept }
      rows.append(
        Row(
          name: "\(kind.title) of \(members.count)",
          outcomes: try scorer.ensemble(members.map { recipes[$0] }, by: kind.method),
          members: kind == .greedy ? members.map { ingredients.paths[$0] } : nil))
    }
    if adapting.adapt {
      rows.append(
        Row(name: "uniform soup of \(k)", outcomes: try scorer.outcomes(.uniform(ingredients.paths)), members: nil))
    }
    bar.finish()
    if adapting.adapt {
      let bar = console.progress("Adapting", total: part.count, unit: .items("images"))
      let stream = try adapt(ingredients, on: device).predict(
        part, batchSize: data.batchSize, device: device, loaderThreads: computation.loaderThreads
      ) { bar.update(completed: $0) }
      bar.finish()
      rows.append(
        Row(
          name: Self.adapted, outcomes: try evaluator.outcomes(Evaluator.masked(stream.logits, part.classSubset)),
          members: nil, mixture: stream.meanWeights))
    }
    for row in rows where row.score.nonFinite > 0 {
      console.warn("\(row.name): \(row.score.nonFinite) images have logits that are not finite; they count as wrong")
    }
    if let predictions {
      try PredictionsFile.write(
        rows.map { ($0.name, $0.outcomes) }, labels: evaluator.labels, data: evaluator.data.name, split: split.rawValue,
        to: predictions)
    }
    let comparisons = try rows.dropFirst().map {
      try PairedComparison(of: $0.outcomes.correct, to: rows[0].outcomes.correct)
    }
    if console.isJSON {
      for (index, row) in rows.enumerated() {
        try console.emit(
          Report(
            checkpoint: row.name, split: split.rawValue, subset: chosenSubset, score: row.score,
            interval: try Statistics.interval(of: row.score), members: row.members,
            againstFirst: index == 0 ? nil : comparisons[index - 1], predictions: predictions, knn: network?.vote,
            knnImages: network?.bank.data.count, mixture: row.mixture))
      }
    } else {
      console.print(try table(rows, comparisons))
      console.note("\(evaluator.data.name), \(split.rawValue): \(Format.count(evaluator.data.count)) images")
      if let network { console.note(Self.explanation(network)) }
      for row in rows { if let shares = row.mixture { console.note(Self.shares(shares, ingredients)) } }
      console.note(Statistics.legend)
      if perClass {
        console.print(
          "\n" + classTable(rows.map { ($0.name, $0.score.perClass) }, evaluator.data.classNames).rendered())
      }
    }
  }

  static let adapted = "adapted to each batch"

  /// For reports: nothing where all images are scored.
  var chosenSubset: String? { subset == .all ? nil : subset.rawValue }

  /// What the mean mixture was.
  static func shares(_ weights: [Double], _ ingredients: Ingredients) -> String {
    "adapted, mean shares: "
      + zip(ingredients.names, weights).map { "\($0) \(Format.percent($1)) %" }.joined(separator: ", ")
  }

  func adapt(_ ingredients: Ingredients, on device: Device) throws -> TestTimeMixer {
    try TestTimeMixer(
      ingredients.paths, model: ingredients.makeModel(on: device),
      configuration: adapting.configuration(precision: computation.precision(on: device)))
  }

  /// Who votes.
  static func explanation(_ network: NeighbourNetwork) -> String {
    "classified by the nearest \(network.vote.neighbours) of \(Format.count(network.bank.data.count)) training images, "
      + "T = \(network.vote.temperature)"
  }

  private struct Row {
    let name: String
    let outcomes: SampleOutcomes
    /// Of an ensemble that did not take all.
    let members: [String]?
    /// The mean share of every checkpoint, where mixtures were adapted.
    var mixture: [Double]?
    var score: Score { outcomes.score }
  }

  private struct Report: Encodable {
    let checkpoint: String
    let split: String
    let subset: String?
    let score: Score
    /// Of the accuracy.
    let interval: Interval
    let members: [String]?
    let againstFirst: PairedComparison?
    let predictions: String?
    /// Where neighbours were asked rather than the classifier: how, and how many images voted.
    let knn: NeighbourVote?
    let knnImages: Int?
    /// The mean share of every checkpoint, where mixtures were adapted.
    let mixture: [Double]?

    private enum CodingKeys: String, CodingKey {
      case checkpoint, split, subset, score, interval, members, predictions, knn, mixture
      case knnImages = "knn_images"
      case againstFirst = "against_first"
    }
  }

  private func table(_ rows: [Row], _ comparisons: [PairedComparison]) throws -> Table {
    var table = Table(
      [
        .init("checkpoint"), .init("top-1 %", .right), .init("top-5 %", .right), .init("loss", .right),
        .init("ECE %", .right),
      ] + (comparisons.isEmpty ? [] : [.init("top-1 against the first", .right), .init("p", .right)]))
    for (index, row) in rows.enumerated() {
      table.add(
        [
          row.name, try Statistics.accuracy(row.score), Format.percent(row.score.top5),
          Format.fixed(row.score.loss, 4), Format.percent(row.score.ece),
        ]
          + (comparisons.isEmpty
            ? []
            : index == 0
              ? ["", ""]
              : [
                Statistics.difference(comparisons[index - 1]), Statistics.pValue(comparisons[index - 1].pValue),
              ]))
    }
    return table
  }

  func classTable(_ rows: [(name: String, perClass: [Double])], _ classes: [String]) -> Table {
    let names = Ingredients.shortNames(rows.map(\.name))
    var table = Table([.init("class")] + names.map { .init($0, .right) })
    for (index, name) in classes.enumerated() {
      table.add([name] + rows.map { Format.percent($0.perClass[index]) })
    }
    return table
  }
}

extension EvaluationImages.Part: ExpressibleByArgument {}

/// Ways to ask several models together.
enum EnsembleChoice: String, ExpressibleByArgument, CaseIterable {
  case logits, probabilities, greedy

  var method: Ensemble.Method { self == .probabilities ? .probabilities : .logits }
  var title: String {
    switch self {
    case .logits: "ensemble"
    case .probabilities: "ensemble by probabilities"
    case .greedy: "greedy ensemble"
    }
  }
}

import SoupMixing
import SoupTensors

extension RecipeScorer {
  /// Scores a recipe unless it cannot pass the bar, which mostly shows long before the last image: those come first that
  /// most ingredients known so far get wrong, or, with a risky bar, images come in random order.
  ///
  /// Each image's logits are the same in any order, up to the rounding of a smaller last batch.
  public func trial(_ recipe: Recipe, against bar: Bar) throws -> Trial {
    if let known = known[recipe] { return .scored(known.score) }
    guard bar.stopping != .never, [.top1, .top5, .knn, .loss].contains(bar.metric) else {
      return .scored(try score(recipe))
    }
    let order = try order(for: bar)
    let ordered = try evaluator.reordered(order)
    var reference: [Bool]?
    if case .risky = bar.stopping { reference = try correct(bar.recipe) }
    try model.store.load(weights(recipe))
    var race = Race(bar, count: order.count)
    var isLost = false
    let classes = evaluator.data.classCount
    let result = try HostTensor(dtype: .float32, shape: [order.count, classes]) { bytes in
      let target = bytes.bindMemory(to: Float.self)
      try ordered.forEachBatch(of: model) { logits, places in
        let images = places.map { order[$0] }
        let outcomes = try SampleOutcomes(logits: logits, labels: images.map { evaluator.labels[$0] })
        for (row, image) in images.enumerated() {
          logits.withUnsafeBytes { source in
            let values = source.bindMemory(to: Float.self)
            for index in 0..<classes { target[image * classes + index] = values[row * classes + index] }
          }
        }
        let pairs = reference.map { reference in zip(outcomes.correct, images.map { reference[$0] }) }
        race.add(
          outcomes.score, better: pairs?.count { $0 && !$1 } ?? 0, worse: pairs?.count { !$0 && $1 } ?? 0)
        isLost = race.isLost
        try progress(recipe, race.images)
        return !isLost
      }
    }
    guard !isLost || race.images == order.count else {
      countEvaluation()
      return .rejected(images: race.images)
    }
    return .scored(try keep(result, of: recipe))
  }

  /// The order in which images decide soonest.
  private func order(for bar: Bar) throws -> [Int] {
    let count = evaluator.data.count
    if case .risky = bar.stopping {
      if let known = orders["random"] { return known }
      var random = CounterGenerator(seed: 0).derived("race")
      let order = random.permutation(count)
      orders["random"] = order
      return order
    }
    let name = "\(bar.metric.rawValue) by \(logits.count)"
    if let known = orders[name] { return known }
    var difficulty = [Double](repeating: 0, count: count)
    for logits in logits.values {
      let outcomes = try evaluator.outcomes(logits)
      for image in 0..<count {
        let loss = Double(outcomes.losses[image])
        difficulty[image] += bar.metric == .loss ? loss : (outcomes.correct[image] ? 0 : 1) + min(loss, 100) * 1e-3
      }
    }
    let order = (0..<count).sorted { (-difficulty[$0], $0) < (-difficulty[$1], $1) }
    orders[name] = order
    return order
  }
}

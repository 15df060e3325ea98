import SoupAnalysis

/// Models and their scores, and what each set of images is for.
public struct ResultTable: Sendable {
  /// In the order of the source.
  public var models: [EvaluatedModel]
  /// Set that models were chosen by: no score on it is an estimate of how good a chosen model is.
  public var heldOut: String?
  /// Set of the same distribution as the training images.
  public var test: String?
  /// Sets of shifted distributions.
  public var shifts: [String]
  /// Titles for people, where the names of the sets are not good enough.
  public var titles: [String: String]

  public init(
    models: [EvaluatedModel], heldOut: String? = nil, test: String? = nil, shifts: [String] = [],
    titles: [String: String] = [:]
  ) {
    self.models = models
    self.heldOut = heldOut
    self.test = test
    self.shifts = shifts
    self.titles = titles
  }

  public func title(of set: String) -> String { titles[set] ?? set }

  /// All sets in the order of tables: held-out, test, shifts.
  public var sets: [String] { [heldOut, test].compactMap { $0 } + shifts }

  /// Single models: the initialisation too, as in the paper.
  public var singles: [EvaluatedModel] { models.filter { $0.kind == .base || $0.kind == .ingredient } }

  /// Soups, then ensembles, in the order of the paper; those it does not have keep the order of the source.
  public var mixtures: [EvaluatedModel] {
    let ranked = models.enumerated().compactMap { index, model in
      model.kind.rank.map { (rank: $0, index: index, model: model) }
    }
    return ranked.sorted { ($0.rank, $0.index) < ($1.rank, $1.index) }.map(\.model)
  }

  /// The single model that does best on the held-out images: the one that the source says, else the first among equals.
  public var best: EvaluatedModel? {
    if let named = models.first(where: { $0.kind == .best }) { return named }
    guard let heldOut else { return nil }
    var best: (model: EvaluatedModel, accuracy: Double)?
    for model in singles {
      guard let accuracy = model.accuracy(on: heldOut), accuracy > best?.accuracy ?? -1 else { continue }
      best = (model, accuracy)
    }
    return best?.model
  }

  /// The unweighted mean over the shifted sets; nil unless the model was scored on all of them.
  public func shiftAccuracy(of model: EvaluatedModel) -> Double? {
    let values = shifts.compactMap { model.accuracy(on: $0) }
    return values.isEmpty || values.count < shifts.count ? nil : values.reduce(0, +) / Double(values.count)
  }

  public func shiftInterval(of model: EvaluatedModel) -> Interval? {
    if let measured = model.shiftMean?.interval { return measured }
    // Of a shift that is computed, versions of one image vary together: its own interval says how much.
    if shifts.count == 1 { return model.scores[shifts[0]]?.interval }
    let parts = shifts.compactMap { set in
      model.scores[set].flatMap { score in score.count.map { (fraction: score.accuracy, count: $0) } }
    }
    return parts.isEmpty || parts.count < shifts.count ? nil : Interval(meanOf: parts)
  }

  /// The mean over the shifted sets against that of the best single model, image by image, where that is known.
  public func shiftGain(of model: EvaluatedModel) -> PairedComparison? {
    model.shiftMean?.gain ?? (shifts.count == 1 ? model.scores[shifts[0]]?.gain : nil)
  }

  /// What the headline table and the figures call a model: the best single model is one of the singles.
  public func kind(of model: EvaluatedModel) -> ModelKind {
    model.kind == .ingredient && model.name == best?.name ? .best : model.kind
  }

  /// Rows worth a line each: initialisation, best single model, then every mixture in the order of the source.
  public var headline: [EvaluatedModel] {
    var rows = models.filter { $0.kind == .base }
    if let best, best.kind != .base { rows.append(best) }
    return rows + mixtures
  }
}

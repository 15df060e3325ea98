import SoupAnalysis

/// Soups of a study by recipe and mix: `self-soup-greedy` is the greedy mix of the recipe `self-soup`.
///
/// A recipe is what the ingredients were trained by; the best, greedy and uniform mixes of each are compared. Several studies that differ in
/// their seed give each score several times.
struct RecipeTable {
  struct Key: Hashable {
    var recipe: String
    var mix: String
    /// Whether the name says both.
    var isNamed = true

    static func == (a: Key, b: Key) -> Bool { a.recipe == b.recipe && a.mix == b.mix }

    func hash(into hasher: inout Hasher) {
      hasher.combine(recipe)
      hasher.combine(mix)
    }
  }

  /// One model under one seed.
  struct Entry {
    var study: Int
    var model: EvaluatedModel
  }

  let studies: [ResultTable]
  /// In the order of the study's file.
  private(set) var recipes: [String] = []
  private(set) var mixes: [String] = []
  private(set) var entries: [Key: [Entry]] = [:]

  static let known = ["best", "greedy", "uniform", "learned", "layerwise", "sampled", "self", "self-season", "pair"]

  init(_ studies: [ResultTable]) {
    self.studies = studies
    let isNamed = studies.contains { $0.models.contains { Self.key($0)?.isNamed ?? false } }
    for (index, study) in studies.enumerated() {
      let sets = study.sets
      for model in study.models {
        // Where recipes are named, other mixtures are steps on the way to them.
        guard let key = Self.key(model), key.isNamed || !isNamed, sets.contains(where: { model.scores[$0] != nil })
        else { continue }
        if !recipes.contains(key.recipe) { recipes.append(key.recipe) }
        if !mixes.contains(key.mix) { mixes.append(key.mix) }
        entries[key, default: []].append(Entry(study: index, model: model))
      }
    }
    let order = Self.known
    mixes.sort { (order.firstIndex(of: $0) ?? order.count) < (order.firstIndex(of: $1) ?? order.count) }
  }

  /// Whether there is something to compare: several recipes, or several seeds of one.
  var isComparison: Bool { recipes.count > 1 || (studies.count > 1 && !recipes.isEmpty) }

  /// Nil for models that are no mixture and not the best of some.
  static func key(_ model: EvaluatedModel) -> Key? {
    let method: String
    switch model.kind {
    case .best: method = "best"
    case .mixture(let name): method = name
    default: return nil
    }
    guard !method.contains("ensemble") else { return nil }
    let words = model.name.split(separator: "-").map(String.init)
    for length in [2, 1] where words.count > length {
      let (head, tail) = (words.prefix(length).joined(separator: "-"), words.suffix(length).joined(separator: "-"))
      if known.contains(tail) { return Key(recipe: words.dropLast(length).joined(separator: "-"), mix: tail) }
      if known.contains(head) { return Key(recipe: words.dropFirst(length).joined(separator: "-"), mix: head) }
    }
    if known.contains(model.name) { return Key(recipe: "all ingredients", mix: model.name, isNamed: false) }
    return Key(recipe: model.name, mix: method, isNamed: false)
  }

  /// What is shown for each set: held-out, test, shifts, and the mean of several shifts.
  var columns: [(title: String, measurement: (Int, EvaluatedModel) -> Measurement?)] {
    guard let first = studies.first else { return [] }
    var columns = first.sets.map { set in
      (title: first.title(of: set), measurement: { (_: Int, model: EvaluatedModel) in model.scores[set] })
    }
    if first.shifts.count > 1 {
      let studies = studies
      columns.append(
        (
          title: "mean of shifts",
          measurement: { study, model in
            model.shiftMean ?? studies[study].shiftAccuracy(of: model).map { Measurement(accuracy: $0) }
          }
        ))
    }
    return columns
  }

  /// Mean over the seeds with an interval: Student's over seeds where there are several, the image-wise one of the only seed otherwise.
  func estimate(_ key: Key, _ measurement: (Int, EvaluatedModel) -> Measurement?) -> SeedEstimate? {
    let found = (entries[key] ?? []).compactMap { entry in measurement(entry.study, entry.model) }
    return SeedEstimate(found.map(\.accuracy), single: found.first?.interval)
  }
}

/// A mean over seeds.
struct SeedEstimate {
  var mean: Double
  /// 95 %.
  var interval: Interval?
  var count: Int

  /// - Parameter single: the interval of the only value.
  init?(_ values: [Double], single: Interval? = nil) {
    guard !values.isEmpty else { return nil }
    count = values.count
    mean = values.reduce(0, +) / Double(values.count)
    guard values.count > 1 else {
      interval = single
      return
    }
    let center = mean
    let variance = values.reduce(0) { $0 + ($1 - center) * ($1 - center) } / Double(values.count - 1)
    let half = Self.studentQuantile(values.count - 1) * (variance / Double(values.count)).squareRoot()
    interval = Interval(center - half, center + half)
  }

  /// Two-sided 95 % quantile of Student's t.
  static func studentQuantile(_ freedom: Int) -> Double {
    let table = [12.7062, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.306, 2.26216, 2.22814]
    if freedom <= table.count { return table[max(freedom, 1) - 1] }
    // Cornish and Fisher's expansion around the normal quantile; exact to four digits from 11 on.
    let z = 1.959_963_984_540_054
    let n = Double(freedom)
    return z + (z * z * z + z) / (4 * n) + (5 * z * z * z * z * z + 16 * z * z * z + 3 * z) / (96 * n * n)
  }
}

import SoupAnalysis
import SoupMixing

/// Measures of every pair of some checkpoints, as `soup compare` gathers them.
public struct Comparison {
  public let paths: [String]
  public let weights: WeightSimilarity
  /// Weights first; what data adds comes after.
  public var similarities: PairSimilarities

  /// Compares the weights.
  public init(_ options: CompareOptions, threads: Int?, _ console: Console) throws {
    paths = try options.paths()
    let base = try options.base.map { try CheckpointPaths.expandOne($0, option: "--base") }
    let bar = console.progress("Comparing", unit: .bytes)
    weights = try WeightSimilarity(
      comparing: paths, base: base, allTensors: options.allTensors, common: options.common, threads: threads,
      maximumMemory: options.maximumMemory.bytes
    ) { done, total in bar.update(completed: done, total: total) }
    bar.finish()
    similarities = PairSimilarities(models: CheckpointPaths.shortNames(paths))
    let found = similarities.pairs.map { weights[$0.a, $0.b] }
    func add(_ measure: String, _ value: (WeightSimilarity.Pair) -> Double?) {
      similarities.add(measure, values: found.map(value))
    }
    add("l2_distance") { $0.distance }
    add("relative_l2") { $0.relativeDistance }
    add("cosine_similarity") { $0.cosine }
    add("angle") { $0.angle }
    if base != nil {
      add("task_cosine") { $0.tasks?.cosine }
      add("task_angle") { $0.tasks?.angle }
      add("sign_agreement") { $0.tasks?.signAgreement }
    }
    warn(console)
  }

  private func warn(_ console: Console) {
    if !weights.uncommon.isEmpty {
      console.warn(
        "\(Format.count(weights.uncommon.count)) tensors that not all have in one shape are left out: "
          + weights.uncommon.prefix(5).joined(separator: ", ") + (weights.uncommon.count > 5 ? ", …" : ""))
    }
    for (path, count) in zip(paths + [weights.base ?? "base"], weights.notFinite) where count > 0 {
      console.warn("\(path) has \(Format.count(count)) NaN or infinite values; they are left out of all models")
    }
  }
}

import Dispatch
import SoupAnalysis
import SoupCLI
import SoupEvaluation
import Synchronization

/// What a shift did to one row of `soup evaluate`, with what chance alone would do.
///
/// Under `shift` of its line of JSON; `soup study` reads `name`, `mean_accuracy` and `corruptions`.
struct ShiftResult: Encodable, Sendable {
  /// One corruption at one severity.
  struct Version: Encodable, Sendable {
    let name: String
    let severity: Int
    let images: Int
    let accuracy: Double
    /// Wilson's.
    let interval: Interval
    /// Absent where a logit is not finite.
    let loss: Double?
    let ece: Double
  }

  /// A mean over severities, or over everything.
  struct Mean: Encodable, Sendable {
    let name: String
    let accuracy: Double
    /// For other images of the same kind; the corruptions are taken as fixed.
    let interval: Interval
    let againstFirst: PairedComparison?

    private enum CodingKeys: String, CodingKey {
      case name, accuracy, interval
      case againstFirst = "against_first"
    }
  }

  let name: String
  let seed: UInt64?
  /// Over all corruptions and severities.
  let mean: Mean
  let meanLoss: Double?
  let meanECE: Double
  /// Only for models of ImageNet's classes under all of ImageNet-C: 1 is AlexNet.
  let mce: Double?
  let relativeMCE: Double?
  /// Over the severities of each corruption.
  let means: [Mean]
  let corruptions: [Version]

  private enum CodingKeys: String, CodingKey {
    case name, seed, interval, means, corruptions
    case meanAccuracy = "mean_accuracy"
    case meanLoss = "mean_loss"
    case meanECE = "mean_ece"
    case mce
    case relativeMCE = "relative_mce"
    case againstFirst = "against_first"
  }

  func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(name, forKey: .name)
    try values.encodeIfPresent(seed, forKey: .seed)
    try values.encode(mean.accuracy, forKey: .meanAccuracy)
    try values.encode(mean.interval, forKey: .interval)
    try values.encodeIfPresent(mean.againstFirst, forKey: .againstFirst)
    try values.encodeIfPresent(meanLoss, forKey: .meanLoss)
    try values.encode(meanECE, forKey: .meanECE)
    try values.encodeIfPresent(mce, forKey: .mce)
    try values.encodeIfPresent(relativeMCE, forKey: .relativeMCE)
    try values.encode(means, forKey: .means)
    try values.encode(corruptions, forKey: .corruptions)
  }

  /// The results of all rows. Intervals take a second or so of every core.
  static func all(_ outcomes: [ShiftOutcomes], of images: ShiftedImages, seed: UInt64?) throws -> [ShiftResult] {
    let sets = images.corruptions.map { ($0, images.versions(of: $0)) } + [("mean", images.shifted)]
    let jobs = outcomes.indices.flatMap { row in sets.indices.map { (row, $0) } }
    let means = Mutex<[Int: Result<Mean, any Error>]>([:])
    DispatchQueue.concurrentPerform(iterations: jobs.count) { job in
      let (row, set) = jobs[job]
      let result = Result {
        try mean(sets[set].0, sets[set].1, of: outcomes[row], against: row == 0 ? nil : outcomes[0])
      }
      means.withLock { $0[job] = result }
    }
    let found = means.withLock { $0 }
    return try outcomes.indices.map { row in
      let means = try sets.indices.map { try found[row * sets.count + $0]!.get() }
      return try ShiftResult(images, seed, outcomes[row], Array(means.dropLast()), mean: means.last!)
    }
  }

  private init(
    _ images: ShiftedImages, _ seed: UInt64?, _ outcomes: ShiftOutcomes, _ means: [Mean], mean: Mean
  ) throws {
    name = images.name
    self.seed = seed
    self.mean = mean
    self.means = means
    let loss = outcomes.mean(images.shifted, \.loss)
    meanLoss = loss.isFinite ? loss : nil
    meanECE = outcomes.mean(images.shifted, \.ece)
    corruptions = try images.shifted.map { index in
      let (version, score) = (images.versions[index], outcomes.versions[index].score)
      return Version(
        name: version.name, severity: version.severity, images: score.count, accuracy: score.top1,
        interval: try Statistics.interval(of: score), loss: score.loss.isFinite ? score.loss : nil, ece: score.ece)
    }
    var scores = CorruptionScores(
      cleanError: images.versions.firstIndex(where: \.isClean).map { 1 - outcomes.versions[$0].score.top1 })
    for version in corruptions {
      try scores.add(version.name, severity: version.severity, error: 1 - version.accuracy)
    }
    // AlexNet's errors are those of ImageNet's 1,000 classes.
    let isComparable = images.groups == nil && images.classNames.count == 1000
    mce = isComparable ? try? scores.meanCorruptionError() : nil
    relativeMCE = isComparable ? try? scores.relativeMeanCorruptionError() : nil
  }

  private static func mean(
    _ name: String, _ versions: [Int], of outcomes: ShiftOutcomes, against first: ShiftOutcomes?
  ) throws -> Mean {
    let own = outcomes.fractionRight(of: versions)
    let interval =
      versions.count == 1
      ? try Statistics.interval(of: outcomes.versions[versions[0]].score) : try PairedBootstrap().mean(own)
    return Mean(
      name: name, accuracy: outcomes.meanAccuracy(of: versions), interval: interval,
      againstFirst: try first.map { try PairedComparison(overSets: [(1, own, $0.fractionRight(of: versions))]) })
  }
}

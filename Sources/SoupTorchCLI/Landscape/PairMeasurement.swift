import SoupAnalysis
import SoupCLI
import SoupData
import SoupEvaluation
import SoupTraining

/// Measures parents once, and the soup of any two of them: under every policy of batch norm, on clean and on corrupted images.
final class PairMeasurement {
  private let landscape: Landscape
  /// One for each policy, in the order named.
  private let spaces: [WeightSpace]
  private let policies: [WeightSpace.BatchNormPolicy]
  private let corruptions: ComputedShift
  private var corruptedImages: Evaluator?
  private let skipCollapsed: Double?
  private let earlyStop: Bool
  /// Epochs at which checkpoints left their trunks; nil where none is a branch.
  private let branchEpochs: [Double?]?
  /// What decides the values besides models and images.
  let settings: [String: String]
  private var parents: [Int: Measured] = [:]

  private struct Measured {
    let clean: SampleOutcomes
    let corrupted: Score?
  }

  /// - Parameters:
  ///   - skipCollapsed: soups less accurate than this are not measured on corrupted images.
  ///   - earlyStop: whether soups that cannot beat their better parent any more are given up.
  init(
    _ landscape: Landscape, policies: [WeightSpace.BatchNormPolicy], corruptions: ComputedShift,
    skipCollapsed: Double?, earlyStop: Bool
  ) throws {
    self.landscape = landscape
    self.policies = policies
    self.skipCollapsed = skipCollapsed
    self.earlyStop = earlyStop
    spaces = try policies.map { try landscape.space(landscape.states, batchNorm: $0) }
    self.corruptions = corruptions
    let epochs = landscape.ingredients.metadata.map { Provenance(metadata: $0)?.configuration.branch?.epoch }
    branchEpochs = epochs.contains { $0 != nil } ? epochs : nil
    var settings: [String: String] = [:]
    if let shift = corruptions.shift {
      settings["shift"] = try [
        shift.rawValue, (corruptions.kinds(of: shift) ?? shift.kinds).map(\.rawValue).joined(separator: "+"),
        "severity " + Set(corruptions.severities()).sorted().map(String.init).joined(separator: "+"),
        "seed \(corruptions.shiftSeed ?? 0)",
      ].joined(separator: ", ")
      settings["bank"] = corruptions.bank
      settings["skip collapsed"] = skipCollapsed.map { "\($0)" }
    }
    if earlyStop { settings["early stop"] = "yes" }
    self.settings = settings
  }

  /// Names of what `cells` gives.
  var columns: [String] {
    var names = ["top1_a", "loss_a", "top1_b", "loss_b", "top1", "loss", "over_mean", "over_best", "over_best_p"]
    if corruptions.shift != nil {
      names += ["_a", "_b", ""].flatMap { ["corrupted_top1" + $0, "corrupted_loss" + $0] }
    }
    if branchEpochs != nil { names += ["branch_epoch_a", "branch_epoch_b"] }
    if earlyStop { names.append("images") }
    for policy in policies.dropFirst() {
      names += ["top1", "loss", "over_best", "over_best_p"].map { "\($0)_\(policy.rawValue)" }
      if corruptions.shift != nil { names += ["corrupted_top1", "corrupted_loss"].map { "\($0)_\(policy.rawValue)" } }
    }
    return names
  }

  /// Measures a checkpoint under the first policy.
  func measure(parent index: Int, bar: ProgressBar) throws {
    let clean = try landscape.outcomes(spaces[0], at: shares((index, 1)), bar: bar)
    parents[index] = Measured(clean: clean, corrupted: try corruptedScore())
  }

  /// The values of `(1 − alpha) a + alpha b`, whose parents must have been measured.
  func cells(_ a: Int, _ b: Int, alpha: Double, bar: ProgressBar) throws -> [PointTable.Cell] {
    guard let first = parents[a], let second = parents[b] else { return [] }
    let best = first.clean.score.top1 >= second.clean.score.top1 ? first.clean : second.clean
    let (own, other) = (first.clean.score, second.clean.score)
    let point = shares((a, 1 - alpha), (b, alpha))
    var cells: [PointTable.Cell] = []
    for (index, space) in spaces.enumerated() {
      let soup = try measure(space, at: point, against: best, bar: bar)
      let score = soup.clean.score
      let isWhole = soup.clean.correct.count == best.correct.count
      // A soup that was given up has its excess on the images seen, and no test of it.
      let against = try PairedOutcomes(soup.clean.correct, Array(best.correct[..<soup.clean.correct.count]))
      let excess: [PointTable.Cell] = [
        .number(against.difference), isWhole ? .number(against.mcNemar) : .text(""),
      ]
      if index == 0 {
        cells += [own.top1, own.loss, other.top1, other.loss, score.top1, score.loss].map { .number($0) }
        cells.append(.number(score.top1 - (own.top1 + other.top1) / 2))
        cells += excess
        if corruptions.shift != nil {
          cells += corruptedCells(first.corrupted) + corruptedCells(second.corrupted) + corruptedCells(soup.corrupted)
        }
        if let branchEpochs { cells += [branchEpochs[a], branchEpochs[b]].map { $0.map { .number($0) } ?? .text("") } }
        if earlyStop { cells.append(.number(Double(soup.clean.correct.count))) }
      } else {
        cells += [.number(score.top1), .number(score.loss)] + excess
        if corruptions.shift != nil { cells += corruptedCells(soup.corrupted) }
      }
    }
    return cells
  }

  private func measure(
    _ space: WeightSpace, at point: [Double], against best: SampleOutcomes, bar: ProgressBar
  ) throws -> Measured {
    let clean =
      earlyStop
      ? try landscape.outcomes(space, at: point, unlessAtMost: best.correct.count { $0 }, bar: bar)
      : try landscape.outcomes(space, at: point, bar: bar)
    let isLeft = clean.correct.count < best.correct.count || skipCollapsed.map { clean.score.top1 < $0 } ?? false
    return Measured(clean: clean, corrupted: isLeft ? nil : try corruptedScore())
  }

  /// The score on corrupted images, made when they are first needed, of the model that was placed last.
  private func corruptedScore() throws -> Score? {
    if corruptedImages == nil { corruptedImages = try landscape.shifted(corruptions) }
    return try corruptedImages.map(landscape.score(on:))
  }

  private func corruptedCells(_ score: Score?) -> [PointTable.Cell] {
    [score?.top1, score?.loss].map { $0.map { $0.isFinite ? .number($0) : .text("") } ?? .text("") }
  }

  private func shares(_ shares: (Int, Double)...) -> [Double] {
    shares.reduce(into: [Double](repeating: 0, count: landscape.states.count)) { $0[$1.0] += $1.1 }
  }
}

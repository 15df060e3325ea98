import Foundation
import SoupAnalysis

/// Every model of a study against the best single model, on the same images: exact McNemar tests and paired bootstrap intervals.
///
/// The reference is the model that the study calls `best`, else the ingredient with the highest held-out accuracy; test images have
/// no say. What is computed is kept in the study's store by the identities of the scorings, and found again.
public final class StudyComparisons {
  /// The best single model; nil without ingredients that were scored.
  public let reference: StudyResults.Row?
  private let study: Study
  private let scorings: [String: [String: String]]
  private var known: [String: String]
  private var computed: [String: String] = [:]
  private var predictions: [String: Predictions?] = [:]

  /// The mean over all shifted sets.
  public struct ShiftMean: Sendable {
    public let sets: [String]
    /// The unweighted mean of the accuracies.
    public let top1: Double
    /// For other images of the same kind; the shifts are taken as fixed.
    public let interval: Interval?
    public let againstBest: PairedComparison?
  }

  public init(_ study: Study, _ results: StudyResults) {
    self.study = study
    known = (try? study.store.statistics()) ?? [:]
    scorings = Dictionary(grouping: study.graph.scorings, by: \.model).mapValues { scorings in
      Dictionary(scorings.map { ($0.set, $0.run) }) { first, _ in first }
    }
    reference = Self.reference(study, results)
  }

  private static func reference(_ study: Study, _ results: StudyResults) -> StudyResults.Row? {
    if let named = results.rows.first(where: { $0.model.role == .best && !$0.scores.isEmpty }) { return named }
    guard let set = study.file.sets.first(where: { $0.isSelection && !$0.isShift }) else { return nil }
    var best: (row: StudyResults.Row, top1: Double)?
    for row in results.rows where row.model.role == .ingredient {
      if let top1 = row.score(on: set.name)?.top1, top1 > best?.top1 ?? -1 { best = (row, top1) }
    }
    return best?.row
  }

  /// Whether the row is the reference, or the ingredient that the reference is.
  public func isReference(_ row: StudyResults.Row) -> Bool {
    guard let reference else { return false }
    return row.model.name == reference.model.name
      || (reference.model.role == .best && reference.members == [row.model.name])
  }

  // MARK: One set

  /// The 95 % interval of an accuracy: Wilson's; for a computed shift, of the mean over its versions of each image.
  public func interval(of score: StudyResults.ModelScore, _ row: StudyResults.Row) -> Interval? {
    guard let top1 = score.top1, let count = score.count, count > 0 else { return nil }
    guard score.shift != nil, let images = read(row, score.set) else {
      // Versions of one image vary together at most as one image does: this interval is then wide enough.
      return try? ProportionInterval.wilson(Int((top1 * Double(count)).rounded()), of: count)
    }
    guard let run = run(row, score.set) else { return nil }
    return statistic("interval \(run.id)") { try PairedBootstrap().mean(images.correct) }
  }

  /// The model against the best single model; nil for the latter, and where images are not known one by one.
  public func comparison(of row: StudyResults.Row, on set: String) -> PairedComparison? {
    guard let reference, !isReference(row) else { return nil }
    return comparison(of: row, against: reference, on: set)
  }

  /// One model against another; nil where images are not known one by one.
  public func comparison(
    of row: StudyResults.Row, against reference: StudyResults.Row, on set: String
  ) -> PairedComparison? {
    guard let own = run(row, set), let other = run(reference, set), own.id != other.id,
      row.score(on: set)?.shift?.corruptions.map(\.key) == reference.score(on: set)?.shift?.corruptions.map(\.key)
    else { return nil }
    return statistic("comparison \(own.id) \(other.id)") {
      guard let a = read(row, set), let b = read(reference, set), a.correct.count == b.correct.count else {
        throw Unknown()
      }
      return try PairedComparison(overSets: [(1, a.correct, b.correct)])
    }
  }

  // MARK: All shifts

  /// The mean over the shifted sets; nil unless the model was scored on all of them.
  public func shiftMean(of row: StudyResults.Row) -> ShiftMean? {
    let sets = study.file.sets.filter { $0.isShift && !$0.isSelection }.map(\.name)
    let scores = sets.compactMap { row.score(on: $0) }
    let values = scores.compactMap(\.top1)
    guard !sets.isEmpty, values.count == sets.count else { return nil }
    let runs = sets.compactMap { run(row, $0)?.id }
    let own = groups(row, scores)
    var interval: Interval?
    if let own {
      interval = statistic("mean \(runs.joined(separator: " "))") {
        try PairedBootstrap().sumOfMeans(own.map { group in group.correct.map { $0 * group.share } })
      }
    }
    return ShiftMean(
      sets: sets, top1: values.reduce(0, +) / Double(values.count), interval: interval,
      againstBest: reference.flatMap { isReference(row) ? nil : shiftComparison(of: row, against: $0) })
  }

  /// One model against another in the mean over the shifted sets.
  public func shiftComparison(of row: StudyResults.Row, against reference: StudyResults.Row) -> PairedComparison? {
    let sets = study.file.sets.filter { $0.isShift && !$0.isSelection }.map(\.name)
    let runs = sets.compactMap { run(row, $0)?.id }
    let scores = sets.compactMap { row.score(on: $0) }
    guard !sets.isEmpty, runs.count == sets.count, scores.count == sets.count, let own = groups(row, scores) else {
      return nil
    }
    let others = sets.compactMap { run(reference, $0)?.id }
    return statistic("comparison of means \((runs + others).joined(separator: " "))") {
      let scores = sets.compactMap { reference.score(on: $0) }
      guard let other = groups(reference, scores), other.map(\.correct.count) == own.map(\.correct.count),
        other.map(\.share) == own.map(\.share)
      else { throw Unknown() }
      return try PairedComparison(overSets: zip(own, other).map { ($0.share, $0.correct, $1.correct) })
    }
  }

  /// Sets of images that are independent of each other, each with its share in the mean: computed shifts are of the same images.
  private func groups(
    _ row: StudyResults.Row, _ scores: [StudyResults.ModelScore]
  ) -> [(share: Double, correct: [Double])]? {
    var groups: [(sets: Int, isComputed: Bool, correct: [Double])] = []
    for score in scores {
      guard let images = read(row, score.set)?.correct else { return nil }
      let isComputed = score.shift != nil
      if isComputed, let place = groups.firstIndex(where: { $0.isComputed && $0.correct.count == images.count }) {
        groups[place].sets += 1
        for (index, value) in images.enumerated() { groups[place].correct[index] += value }
      } else {
        groups.append((1, isComputed, images))
      }
    }
    return groups.map { group in
      (Double(group.sets) / Double(scores.count), group.correct.map { $0 / Double(group.sets) })
    }
  }

  // MARK: What is known

  /// Keeps what was computed, where this process may.
  public func save() {
    guard study.isWriter, !computed.isEmpty else { return }
    try? study.store.save(statistics: computed)
    computed = [:]
  }

  private struct Unknown: Error {}

  private func statistic<Value: Codable>(_ key: String, _ compute: () throws -> Value) -> Value? {
    // Counts on what they mean: another number when that changes.
    let key = "1 " + key
    if let text = known[key] { return try? JSONDecoder().decode(Value.self, from: Data(text.utf8)) }
    guard let value = try? compute(), let data = try? JSONEncoder().encode(value) else { return nil }
    known[key] = String(decoding: data, as: UTF8.self)
    computed[key] = known[key]
    return value
  }

  private func run(_ row: StudyResults.Row, _ set: String) -> StudyStore.Run? {
    scorings[row.model.name]?[set].flatMap { study.runs[$0] }.flatMap { $0.state == .done ? $0 : nil }
  }

  private func read(_ row: StudyResults.Row, _ set: String) -> Predictions? {
    guard let score = row.score(on: set), let path = score.predictions else { return nil }
    if let found = predictions[path] { return found }
    let found = Predictions(contentsOf: path, versions: score.shift?.corruptions.count ?? 1)
    // Whoever is compared is asked about every set once; only the reference comes back.
    if row.model.name == reference?.model.name { predictions[path] = .some(found) }
    return found
  }
}

extension ShiftScore.Corruption {
  /// What tells it from the others.
  var key: String { "\(name) \(severity)" }
}

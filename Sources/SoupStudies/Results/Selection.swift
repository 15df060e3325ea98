import Foundation

/// Picks the best of several checkpoints by the scores that `soup evaluate --json` printed for each.
public struct Selection: Sendable {
  /// What is better in which direction.
  public enum Metric: String, Sendable, CaseIterable { case top1, top5, loss, ece }

  public struct Candidate: Codable, Sendable, Hashable {
    public let path: String
    public let value: Double
  }

  /// The best first; of equal ones, the one that was named first.
  public let ranking: [Candidate]

  /// - Parameters:
  ///   - checkpoints: what to choose from.
  ///   - scores: for each, a file with what was printed.
  /// - Throws: `StudyError` with code `bad-result`: a score that is missing, not finite, or of test images, which nothing
  ///   may be selected by.
  public init(_ checkpoints: [String], scores: [String], metric: Metric) throws(StudyError) {
    guard checkpoints.count == scores.count, !checkpoints.isEmpty else {
      throw StudyError(
        .badResult, nil, "\(checkpoints.count) checkpoints need as many scores, found \(scores.count)")
    }
    var candidates: [Candidate] = []
    for (checkpoint, file) in zip(checkpoints, scores) {
      guard let data = FileManager.default.contents(atPath: file) else {
        throw StudyError(.badResult, file, "cannot be read")
      }
      guard let line = JSONValue.lines(String(decoding: data, as: UTF8.self)).last(where: { $0["score"] != nil }),
        let value = line["score"]?[metric.rawValue]?.double
      else {
        throw StudyError(.badResult, file, "has no \(metric.rawValue); expected what 'soup evaluate --json' prints")
      }
      guard line["split"]?.text != "test" else {
        throw StudyError(
          .badResult, file, "is a score on test images: a model chosen by it has no honest score there",
          advice: "use one of --split held-out")
      }
      candidates.append(Candidate(path: checkpoint, value: value))
    }
    let isHigherBetter = metric == .top1 || metric == .top5
    let order = candidates.indices.sorted { a, b in
      let (left, right) = (candidates[a].value, candidates[b].value)
      return left != right ? (left > right) == isHigherBetter : a < b
    }
    ranking = order.map { candidates[$0] }
  }

  /// Gives a checkpoint a second name: a link where the disk allows, else a copy. Appears complete or not at all.
  public static func place(_ source: String, at target: String) throws(StudyError) {
    let partial = target + ".\(getpid()).partial"
    unlink(partial)
    if link(source, partial) != 0 {
      do {
        try FileManager.default.copyItem(atPath: source, toPath: partial)
      } catch {
        throw StudyError(.cannotWrite, target, "cannot be written: \(error.localizedDescription)")
      }
    }
    guard rename(partial, target) == 0 else { throw .writing(target) }
    // Renaming one name of a file to another name of it does nothing.
    unlink(partial)
  }
}

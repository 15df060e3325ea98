import SoupTensors

/// Greedy ensemble: members are tried in descending order of their own held-out score, and each joins if the ensemble does
/// not get worse. The rule of the greedy soup with outputs in the place of weights; a member joins once.
///
/// Only logits are needed: every model runs over the images once, and a trial is a sum.
/// - Complexity: O(members · images · classes) time, logits of all members in memory.
/// - Source: Wortsman et al., 2022, arXiv:2203.05482, table 2.
public struct GreedyEnsemble: Sendable, Hashable {
  public var method: Ensemble.Method
  public var metric: Metric
  /// Whether a member that changes nothing joins (`>=`, as the paper writes) or not (`>`, as the authors' code does).
  public var keepsTies: Bool

  public init(method: Ensemble.Method = .logits, metric: Metric = .top1, keepsTies: Bool = true) {
    self.method = method
    self.metric = metric
    self.keepsTies = keepsTies
  }

  /// What a search found.
  public struct Selection: Codable, Sendable, Hashable {
    /// One trial.
    public struct Step: Codable, Sendable, Hashable {
      /// The member's position among those given.
      public var candidate: Int
      /// The score of the ensemble with the candidate in it.
      public var score: Score
      public var accepted: Bool
    }

    /// Positions of the members, in the order in which they joined.
    public var kept: [Int]
    /// One for every member but the best.
    public var steps: [Step]
    /// The ensemble's score on the images that chose it: no honest estimate of others.
    public var score: Score
  }

  /// Searches.
  /// - Parameters:
  ///   - logits: of each member on held-out images, all `[N, classes]`. Equal scores are tried in the order given.
  ///   - labels: of those images.
  /// - Throws: `EvaluationError` for no members, different shapes, or no member with a finite score.
  public func select(_ logits: [HostTensor], labels: [Int]) throws -> Selection {
    guard let shape = logits.first?.shape, logits.allSatisfy({ $0.shape == shape }) else {
      throw EvaluationError(
        .shape, "an ensemble needs members with logits of one shape, found \(logits.map(\.shape))")
    }
    let own = try logits.map { try Score(logits: $0, labels: labels) }
    let qualities = own.map(metric.quality)
    let order = logits.indices.sorted { a, b in
      qualities[a] != qualities[b] ? qualities[a] > qualities[b] : a < b
    }
    guard qualities[order[0]] > -.infinity else {
      throw EvaluationError(.noData, "no member has a finite \(metric.rawValue) on the held-out images")
    }
    var sum = EnsembleSum(method, shape: shape)
    sum.add(EnsembleSum.terms(of: logits[order[0]], method))
    var selection = Selection(kept: [order[0]], steps: [], score: own[order[0]])
    for candidate in order.dropFirst() {
      let terms = EnsembleSum.terms(of: logits[candidate], method)
      let score = try Score(logits: sum.mean(with: terms), labels: labels)
      let (new, old) = (metric.quality(of: score), metric.quality(of: selection.score))
      let accepted = keepsTies ? new >= old : new > old
      if accepted {
        sum.add(terms)
        selection.kept.append(candidate)
        selection.score = score
      }
      selection.steps.append(.init(candidate: candidate, score: score, accepted: accepted))
    }
    return selection
  }
}

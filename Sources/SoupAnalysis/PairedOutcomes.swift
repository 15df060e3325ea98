/// How two models did on the same images: the four cells of their table.
public struct PairedOutcomes: Codable, Sendable, Hashable {
  /// Images that both get right.
  public var both: Int
  /// Images that only the first gets right.
  public var onlyFirst: Int
  /// Images that only the second gets right.
  public var onlySecond: Int
  /// Images that both get wrong.
  public var neither: Int

  public init(both: Int, onlyFirst: Int, onlySecond: Int, neither: Int) {
    self.both = both
    self.onlyFirst = onlyFirst
    self.onlySecond = onlySecond
    self.neither = neither
  }

  /// Counts whether each image is right, image by image.
  /// - Throws: `AnalysisError.Code.length` unless both lists are of the same, positive length.
  public init(_ first: [Bool], _ second: [Bool]) throws(AnalysisError) {
    guard first.count == second.count, !first.isEmpty else {
      throw AnalysisError(
        .length, "two models are compared on the same images; one has \(first.count) results, the other \(second.count)"
      )
    }
    self.init(both: 0, onlyFirst: 0, onlySecond: 0, neither: 0)
    for (a, b) in zip(first, second) {
      switch (a, b) {
      case (true, true): both += 1
      case (true, false): onlyFirst += 1
      case (false, true): onlySecond += 1
      case (false, false): neither += 1
      }
    }
  }

  public var count: Int { both + onlyFirst + onlySecond + neither }
  /// Accuracy of the first minus that of the second.
  public var difference: Double { Double(onlyFirst - onlySecond) / Double(count) }

  /// The exact McNemar test: how likely are images on which the two disagree to be shared out at least this unequally, if each
  /// falls to either with probability one half? `p = min(1, 2 · P(Bin(b + c, ½) ≤ min(b, c)))`; 1 if they never disagree.
  /// - Source: McNemar, 1947, in its exact form.
  public var mcNemar: Double {
    let (few, many) = (min(onlyFirst, onlySecond), max(onlyFirst, onlySecond))
    guard few < many else { return 1 }
    // P(Bin(n, ½) ≤ k) = I_½(n − k, k + 1)
    return min(1, 2 * IncompleteBeta(Double(many), Double(few + 1))(0.5))
  }
}

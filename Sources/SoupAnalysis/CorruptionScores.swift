/// A classifier's errors on corrupted images, by corruption and severity, and the summaries that the benchmarks use.
///
/// With `E[c, s]` the top-1 error (0 … 1) of corruption c at severity s, and bars for means over severities:
/// - mean error: the mean of `Ē[c]` over corruptions. CIFAR-10-C, CIFAR-100-C and LAION-C use it (or 1 minus it).
/// - corruption error `CE[c] = Σₛ E[c, s] / Σₛ A[c, s]`, with A the errors of AlexNet, and mCE its mean over the fifteen test
///   corruptions of ImageNet-C. AlexNet has 100 %.
/// - relative corruption error: the same of `E[c, s] - E[clean]` and `A[c, s] - A[clean]`.
/// - Source: Hendrycks and Dietterich, 2019, arXiv:1903.12261.
public struct CorruptionScores: Codable, Sendable, Hashable {
  /// Top-1 errors, 0 … 1, of each corruption by severity.
  public private(set) var errors: [String: [Int: Double]]
  /// Corruptions in the order in which they were first added.
  public private(set) var corruptions: [String]
  /// Top-1 error on the clean images, if known.
  public var cleanError: Double?

  public init(cleanError: Double? = nil) {
    errors = [:]
    corruptions = []
    self.cleanError = cleanError
  }

  /// Adds the error of one corruption at one severity; a later one replaces an earlier one.
  /// - Throws: `AnalysisError.range` unless `0 ≤ error ≤ 1` and `1 ≤ severity ≤ 5`.
  public mutating func add(_ corruption: String, severity: Int, error: Double) throws(AnalysisError) {
    guard (0...1).contains(error), (1...5).contains(severity) else {
      throw AnalysisError(
        .range, "\(corruption), severity \(severity), error \(error): severities are 1 to 5 and errors 0 to 1")
    }
    if errors[corruption] == nil { corruptions.append(corruption) }
    errors[corruption, default: [:]][severity] = error
  }

  /// Severities for which every corruption has an error.
  public var severities: [Int] {
    (1...5).filter { severity in !errors.isEmpty && errors.values.allSatisfy { $0[severity] != nil } }
  }

  /// The mean over the severities that there are; nil for an unknown corruption.
  public func meanError(of corruption: String) -> Double? {
    guard let values = errors[corruption]?.values, !values.isEmpty else { return nil }
    return values.reduce(0, +) / Double(values.count)
  }

  /// The mean over corruptions at one severity; nil if one of them lacks it.
  public func meanError(atSeverity severity: Int) -> Double? {
    let values = corruptions.compactMap { errors[$0]?[severity] }
    guard !values.isEmpty, values.count == corruptions.count else { return nil }
    return values.reduce(0, +) / Double(values.count)
  }

  /// The mean over corruptions of their means over severities: "unnormalised mCE"; nil without any error.
  public var meanError: Double? {
    let means = corruptions.compactMap { meanError(of: $0) }
    return means.isEmpty ? nil : means.reduce(0, +) / Double(means.count)
  }

  /// `1 - meanError`: LAION-C's score, and what many papers report for ImageNet-C.
  public var meanAccuracy: Double? { meanError.map { 1 - $0 } }

  /// Corruption error relative to AlexNet's: 1 is AlexNet.
  /// - Throws: `AnalysisError.tooFew` unless all five severities are there and AlexNet's error is known.
  public func corruptionError(of corruption: String) throws(AnalysisError) -> Double {
    try mean(corruption) / AlexNetErrors.error(of: corruption)
  }

  /// How much worse corruption makes this classifier, relative to how much worse it makes AlexNet.
  /// - Throws: as `corruptionError(of:)`, and without a clean error.
  public func relativeCorruptionError(of corruption: String) throws(AnalysisError) -> Double {
    guard let cleanError else { throw AnalysisError(.tooFew, "a relative corruption error needs the clean error") }
    return try (mean(corruption) - cleanError) / (AlexNetErrors.error(of: corruption) - AlexNetErrors.clean)
  }

  /// mCE over ImageNet-C's fifteen test corruptions.
  /// - Throws: `AnalysisError.tooFew`, naming all that are missing.
  public func meanCorruptionError() throws(AnalysisError) -> Double {
    try mean { scores, name throws(AnalysisError) in try scores.corruptionError(of: name) }
  }

  /// Relative mCE over ImageNet-C's fifteen test corruptions.
  /// - Throws: `AnalysisError.tooFew`, naming all that are missing.
  public func relativeMeanCorruptionError() throws(AnalysisError) -> Double {
    try mean { scores, name throws(AnalysisError) in try scores.relativeCorruptionError(of: name) }
  }

  private func mean(
    _ value: (CorruptionScores, String) throws(AnalysisError) -> Double
  ) throws(AnalysisError) -> Double {
    let missing = AlexNetErrors.test.map(\.corruption).filter { errors[$0]?.count != 5 }
    guard missing.isEmpty else {
      throw AnalysisError(
        .tooFew, "mCE needs five severities of fifteen corruptions; incomplete: \(missing.joined(separator: ", "))")
    }
    var sum = 0.0
    for (corruption, _) in AlexNetErrors.test { sum += try value(self, corruption) }
    return sum / Double(AlexNetErrors.test.count)
  }

  private func mean(_ corruption: String) throws(AnalysisError) -> Double {
    guard let values = errors[corruption], values.count == 5 else {
      throw AnalysisError(.tooFew, "the corruption error of \(corruption) needs its errors at five severities")
    }
    return values.values.reduce(0, +) / 5
  }
}

/// AlexNet's top-1 errors on ImageNet-C, which corruption errors are relative to, averaged over severities.
/// - Source: the code published with arXiv:1903.12261; the four extras from its tables, to three digits.
public enum AlexNetErrors {
  /// On clean images, as the paper has it.
  public static let clean = 0.435

  /// The fifteen test corruptions.
  public static let test: [(corruption: String, error: Double)] = [
    ("gaussian_noise", 0.886428), ("shot_noise", 0.894468), ("impulse_noise", 0.922640), ("defocus_blur", 0.819880),
    ("glass_blur", 0.826268), ("motion_blur", 0.785948), ("zoom_blur", 0.798360), ("snow", 0.866816),
    ("frost", 0.826572), ("fog", 0.819324), ("brightness", 0.564592), ("contrast", 0.853204),
    ("elastic_transform", 0.646056), ("pixelate", 0.717840), ("jpeg_compression", 0.606500),
  ]

  /// The four for validation.
  public static let extra: [(corruption: String, error: Double)] = [
    ("speckle_noise", 0.845), ("gaussian_blur", 0.787), ("spatter", 0.718), ("saturate", 0.658),
  ]

  /// - Throws: `AnalysisError.tooFew` for a corruption without a published error.
  static func error(of corruption: String) throws(AnalysisError) -> Double {
    guard let found = (test + extra).first(where: { $0.corruption == corruption }) else {
      throw AnalysisError(.tooFew, "AlexNet's error on \(corruption) is not published")
    }
    return found.error
  }
}

/// An average along a run that is written beside the trained weights.
public enum RunAverage: String, Codable, Sendable, CaseIterable {
  case swa
  case lawa
}

/// An average as it was written.
public struct RunAverageResult: Codable, Sendable, Hashable {
  public let average: RunAverage
  public let file: String
  /// How many moments of the run are in it.
  public let moments: Int
  /// Its score on held-out images, if there are any.
  public let heldOut: HeldOutResult?
}

/// Running statistics of batch norm in an average.
public enum AverageStatistics: String, Codable, Sendable, CaseIterable {
  /// Averaged as the weights are.
  case average
  /// Computed anew over an epoch of training batches, augmented as in training but without mixup.
  case recompute
}

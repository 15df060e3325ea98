import Foundation

/// How a checkpoint of ours was made, in its metadata under `soup.provenance`.
///
/// It holds nothing that differs between two equal runs (no time, folder or machine): equal runs give equal files.
public struct Provenance: Codable, Sendable, Hashable {
  /// The metadata key.
  public static let key = "soup.provenance"

  /// The command that made it: `soup train`.
  public var command: String
  public var configuration: TrainingConfiguration
  /// File name of the base, for people; `configuration.base` identifies it.
  public var base: String?
  /// File name of the trunk's state that a branch started from; `configuration.branch` identifies it.
  public var branch: String?
  /// Optimizer steps behind the weights.
  public var steps: Int
  /// Whether the weights are the moving average (`configuration.ema`) or those of the optimizer.
  public var averaged: Bool
  /// Which average along the run the weights are, if they were written beside the result.
  public var average: RunAverage?
  /// How many moments of the run are in it.
  public var moments: Int?

  public init(
    command: String = "soup train", configuration: TrainingConfiguration, base: String? = nil, branch: String? = nil,
    steps: Int,
    averaged: Bool = false, average: RunAverage? = nil, moments: Int? = nil
  ) {
    self.command = command
    self.configuration = configuration
    self.base = base
    self.branch = branch
    self.steps = steps
    self.averaged = averaged
    self.average = average
    self.moments = moments
  }

  /// Reads it from a checkpoint's metadata; nil if it is absent or of another shape.
  public init?(metadata: [String: String]) {
    guard let text = metadata[Self.key],
      let value = try? JSONDecoder().decode(Provenance.self, from: Data(text.utf8))
    else { return nil }
    self = value
  }

  /// The text for the metadata: one line of JSON, keys sorted.
  public func json() throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(self), as: UTF8.self)
  }
}

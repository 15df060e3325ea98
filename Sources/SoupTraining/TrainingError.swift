import Foundation

/// Why a run could not start, continue or finish, with the step to take next.
public struct TrainingError: Error, Sendable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// A setting is out of its range; `description` lists all of them.
    case badConfiguration
    /// A state or a result of other settings is in the way; `description` lists the differences.
    case differentConfiguration
    /// The output exists and no training of ours made it.
    case outputExists
    /// A state file cannot be used.
    case damagedState
    /// A state for branches is missing, and the run has passed the epoch that it was to be kept after.
    case missingCheckpoint
    /// The loss or a weight is no longer finite.
    case diverged
    /// A log file cannot be written.
    case log
    /// Another process trains to the same output.
    case busy
  }

  public let code: Code
  /// The file concerned, if any.
  public let file: String?
  public let description: String

  package init(_ code: Code, file: String? = nil, _ description: String) {
    self.code = code
    self.file = file
    self.description = description
  }

  static func log(path: String, reason: any Error) -> TrainingError {
    TrainingError(.log, file: path, "cannot write '\(path)': \(reason.localizedDescription)")
  }
}

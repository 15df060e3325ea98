import SoupCheckpoints
import SoupModels

extension ModelConfiguration {
  /// The architecture of a checkpoint: as recorded in its metadata, else as `named`, else as its parameters reveal.
  /// - Throws: `EvaluationError.Code.unknownModel`, with how to name it.
  public init(of checkpoint: Checkpoint, named: ModelConfiguration?) throws {
    if let recorded = try ModelConfiguration(metadata: checkpoint.metadata) {
      self = recorded
    } else if let named {
      self = named
    } else {
      do {
        self = try ModelConfiguration(inferring: checkpoint.stateDict())
      } catch {
        throw EvaluationError(
          .unknownModel, file: checkpoint.path,
          "'\(checkpoint.path)' does not say which model it is (\(error)); name it, as in --model resnet20:width=2")
      }
    }
  }
}

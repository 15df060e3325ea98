/// Where a run writes. None of it changes the weights that come out.
public struct TrainingFiles: Sendable, Hashable {
  /// The checkpoint that a finished run leaves.
  public var output: String
  /// The weights of the optimizer, when `output` gets their moving average; nil does not keep them.
  public var rawOutput: String?
  /// The average of `configuration.swa`, if there is one.
  public var swaOutput: String
  /// The average of `configuration.lawa`, if there is one.
  public var lawaOutput: String
  /// The log, one JSON object a line.
  public var log: String
  /// Folder for a TensorBoard event file; nil writes none.
  public var tensorBoard: String?
  /// After which epochs a state is kept that branches can start from; nil keeps none.
  public var checkpoints: CheckpointInterval?

  /// What a killed run continues from; it exists only while a run is not finished. It is a safetensors file under a name
  /// that no `*.safetensors` pattern matches.
  public var state: String { output + ".state" }

  /// - Parameters:
  ///   - swaOutput: for the output `a.safetensors`, `a-swa.safetensors` when nil.
  ///   - lawaOutput: for the output `a.safetensors`, `a-lawa.safetensors` when nil.
  ///   - log: `output` with its extension replaced by `.jsonl` when nil.
  public init(
    output: String, rawOutput: String? = nil, swaOutput: String? = nil, lawaOutput: String? = nil, log: String? = nil,
    tensorBoard: String? = nil, checkpoints: CheckpointInterval? = nil
  ) {
    self.output = output
    self.rawOutput = rawOutput
    self.checkpoints = checkpoints
    let suffix = ".safetensors"
    let stem = Self.stem(of: output)
    self.swaOutput = swaOutput ?? stem + "-swa" + suffix
    self.lawaOutput = lawaOutput ?? stem + "-lawa" + suffix
    self.log = log ?? stem + ".jsonl"
    self.tensorBoard = tensorBoard
  }
}

extension TrainingFiles {
  /// The state that is kept after an epoch: `base-epoch-5.state` for `base.safetensors`.
  public func checkpoint(epoch: Int) -> String { Self.stem(of: output) + "-epoch-\(epoch).state" }

  private static func stem(of output: String) -> String {
    let suffix = ".safetensors"
    return output.hasSuffix(suffix) ? String(output.dropLast(suffix.count)) : output
  }

  func path(of average: RunAverage) -> String { average == .swa ? swaOutput : lawaOutput }
}

/// When a run saves the state that it can continue from.
public enum SaveInterval: Sendable, Hashable {
  case steps(Int)
  /// Seconds since the last save; looked at after every step.
  case seconds(Double)
}

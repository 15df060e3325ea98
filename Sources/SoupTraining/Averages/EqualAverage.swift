import SoupTensors
import SoupTorch

/// The mean of a model's weights at several moments, kept as it grows: `a ← a + (θ − a)/(n + 1)`.
///
/// Parameters and running statistics are averaged; integer counters are those of the model.
/// - Source: Izmailov et al., 2018, arXiv:1803.05407; the numbers of `torch.optim.swa_utils.AveragedModel` with buffers.
public final class EqualAverage {
  /// How many moments are in it.
  public private(set) var count = 0
  private let average: AveragedWeights

  public init(of store: ParameterStore) throws { average = try AveragedWeights(of: store) }

  /// Takes the present weights into the mean.
  public func add() throws {
    try average.move(1 / Double(count + 1))
    count += 1
  }

  /// The averaged model, complete: it loads strictly. The present weights while `count` is 0.
  public func stateDict() throws -> StateDict { try average.stateDict() }

  /// Continues from a mean that `stateDict` gave.
  public func load(_ dict: StateDict, count: Int) throws {
    try average.load(dict)
    self.count = count
  }
}

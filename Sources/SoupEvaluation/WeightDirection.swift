import SoupTensors
import SoupTorch

/// A random direction in weight space, scaled filter by filter to the weights it starts from, so that a step means the same to models of
/// different scales: `d_f ← d_f · |θ_f| / |d_f|` for every filter f (the first dimension of a weight).
///
/// Biases and normalisation parameters (rank 0 and 1) stay where they are. A step of 1 along it is as long as the weights themselves.
/// - Source: Li et al., 2018, arXiv:1712.09913, section 4.
public struct WeightDirection {
  let tensors: [String: HostTensor]

  /// - Parameters:
  ///   - space: holds the checkpoint.
  ///   - index: which of its checkpoints gives the filters' norms.
  ///   - generator: for this direction; every parameter takes its own stream by name, so that two checkpoints of one architecture get the
  ///     same direction before scaling.
  public init(around index: Int, of space: WeightSpace, generator: CounterGenerator) throws {
    var tensors: [String: HostTensor] = [:]
    for entry in space.trainedParameters where entry.tensor.rank > 1 {
      guard let weights = space.tensor(entry.name, of: index)?.floats() else { continue }
      let filter = weights.count / max(1, entry.tensor.shape[0])
      guard filter > 0 else { continue }
      var random = generator.derived(entry.name)
      var values = [Float](repeating: 0, count: weights.count)
      for start in stride(from: 0, to: weights.count, by: filter) {
        var (drawn, own) = (0.0, 0.0)
        for position in start..<start + filter {
          let value = random.normal()
          values[position] = Float(value)
          drawn += value * value
          own += Double(weights[position]) * Double(weights[position])
        }
        let scale = drawn > 0 ? (own / drawn).squareRoot() : 0
        for position in start..<start + filter { values[position] = Float(Double(values[position]) * scale) }
      }
      tensors[entry.name] = try HostTensor(floats: values, shape: entry.tensor.shape)
    }
    self.tensors = tensors
  }

  /// The Euclidean norm of all of it.
  public var norm: Double {
    tensors.values.reduce(0) { $0 + $1.floats().reduce(0) { $0 + Double($1) * Double($1) } }.squareRoot()
  }
}

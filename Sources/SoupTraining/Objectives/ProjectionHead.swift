import SoupTorch

/// A multilayer perceptron between a model's features and a loss: `[N, D]` → `[N, widths.last]`.
///
/// Layers are named by their place in the `Sequential` that PyTorch implementations build, so that weights move both ways.
final class ProjectionHead {
  /// What stands between two linear layers.
  enum Style {
    /// Batch norm and ReLU after every layer but the last. MoCo v3 ends in a batch norm without scale and shift.
    case batchNorm(endsInNorm: Bool, bias: Bool)
    /// GELU after every layer but the last, biases everywhere.
    case gelu
  }

  private let linears: [Linear]
  private let norms: [BatchNorm1d]
  private let style: Style
  /// Length of an output vector.
  let width: Int

  /// - Parameter widths: of the layers' outputs, from the first hidden layer to the last.
  init(_ scope: Scope, inputs: Int, widths: [Int], style: Style) throws {
    var linears: [Linear] = []
    var norms: [BatchNorm1d] = []
    var (place, width) = (0, inputs)
    for (index, next) in widths.enumerated() {
      let isLast = index == widths.count - 1
      switch style {
      case .batchNorm(let endsInNorm, let bias):
        linears.append(try Linear(scope / place, width, next, bias: bias))
        if !isLast || endsInNorm { norms.append(try BatchNorm1d(scope / (place + 1), next, affine: !isLast)) }
        place += 3
      case .gelu:
        linears.append(try Linear(scope / place, width, next))
        place += 2
      }
      width = next
    }
    (self.linears, self.norms, self.style, self.width) = (linears, norms, style, width)
  }

  /// Batch norms use the batch's statistics, as heads exist only in training.
  func callAsFunction(_ features: Tensor) throws -> Tensor {
    var x = features
    for (index, linear) in linears.enumerated() {
      x = try linear(x)
      let isLast = index == linears.count - 1
      switch style {
      case .batchNorm: if index < norms.count { x = try norms[index](x, training: true, relu: !isLast) }
      case .gelu: if !isLast { x = try x.gelu() }
      }
    }
    return x
  }
}

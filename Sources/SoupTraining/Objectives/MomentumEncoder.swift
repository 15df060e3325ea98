import SoupModels
import SoupTensors
import SoupTorch

/// A second model and projector that follow the first slowly, `m ← μ·m + (1 − μ)·θ`, and give targets without gradients.
///
/// Parameters move; batch norms keep running statistics of their own. The copy belongs to the objective, not to the ingredient.
/// - Source: He et al., 2019, arXiv:1911.05722; Chen et al., 2021, arXiv:2104.02057.
final class MomentumEncoder {
  private let model: any Model
  private let head: ParameterStore
  private let projector: ProjectionHead
  /// Copies with their originals; the parameters among them follow.
  private var pairs: [(copy: Tensor, original: Tensor)] = []
  private var followers: (copies: [Tensor], originals: [Tensor]) = ([], [])

  /// Starts equal to `model` and to the projector in `head`.
  /// - Parameters:
  ///   - head: the objective's own parameters.
  ///   - projector: builds the copy of the projector, under the names that it has in `head`.
  init(of model: any Model, head original: ParameterStore, projector: (Scope) throws -> ProjectionHead) throws {
    let device = model.store.device
    // Everything drawn here is overwritten at once.
    self.model = try makeModel(model.configuration, generator: RandomGenerator(seed: 0), device: device)
    head = ParameterStore(generator: try RandomGenerator(seed: 0), device: device)
    self.projector = try projector(head.root)
    for (copy, source) in [(self.model.store, model.store), (head, original)] {
      for entry in copy.entries {
        guard let tensor = source[entry.name] else { preconditionFailure("no original of \(entry.name)") }
        try entry.tensor.requireGradient(false)
        pairs.append((entry.tensor, tensor))
        if entry.isParameter {
          followers.copies.append(entry.tensor)
          followers.originals.append(tensor)
        }
      }
    }
    try begin()
  }

  /// Becomes equal to the original, which has got its first values.
  func begin() throws {
    for (copy, original) in pairs { try copy.copy(from: original.host()) }
  }

  /// `m ← μ·m + (1 − μ)·θ`
  func follow(momentum: Double) throws {
    try Tensor.interpolate(followers.copies, towards: followers.originals, weight: 1 - momentum)
  }

  /// Projections of images, without gradients.
  func callAsFunction(_ images: Tensor) throws -> Tensor {
    try withoutGradients { try projector(model.features(images, training: true)) }
  }

  /// `model.…` and `head.…`, complete.
  func state() throws -> StateDict {
    var dict = StateDict()
    for (part, store) in [("model", model.store), ("head", head)] {
      for (name, tensor) in try store.stateDict() { try dict.add("\(part).\(name)", tensor) }
    }
    return dict
  }

  func restore(_ state: StateDict) throws {
    for (part, store) in [("model", model.store), ("head", head)] {
      let prefix = part + "."
      try store.load(
        StateDict(
          state.compactMap { entry in
            entry.name.hasPrefix(prefix) ? (String(entry.name.dropFirst(prefix.count)), entry.tensor) : nil
          }))
    }
  }
}

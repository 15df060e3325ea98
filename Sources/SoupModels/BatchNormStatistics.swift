import SoupTorch

extension Network {
  /// Computes the running statistics of every batch norm anew: forgets them and takes the plain average over batches, as
  /// `torch.optim.swa_utils.update_bn`. Parameters stay, and so do the norms' momenta.
  ///
  /// A model without batch norm is left as it is, and no batch is taken.
  /// - Parameter next: gives the next batch of images `[N, C, H, W]`, nil after the last.
  public func recomputeStatistics(from next: () throws -> Tensor?) throws {
    let layers = batchNorms
    guard !layers.isEmpty else { return }
    let momenta = layers.map(\.momentum)
    defer { for (layer, momentum) in zip(layers, momenta) { layer.momentum = momentum } }
    for layer in layers {
      layer.momentum = nil
      try layer.resetStatistics()
    }
    try withoutGradients {
      // An encoder has features where it has no logits.
      let encoder = self as? any Model
      while let images = try next() {
        _ = try encoder?.features(images, training: true) ?? self(images, training: true)
      }
    }
  }
}

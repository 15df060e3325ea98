import SoupModels
import SoupTensors
import SoupTorch

/// Masked autoencoding: the encoder sees a few random patches of an image, a small decoder predicts the pixels of the others.
///
/// ```text
/// L patches, of which K = ⌊L·(1 − ratio)⌋ are kept; the decoder predicts p̂ for the others from the encoder's tokens
/// loss = mean over hidden patches and their values of (p̂ − p)²
/// p: the patch's normalised pixels; with normalised targets (p − mean)/√(var + 1e-6), var with divisor n − 1, each patch by itself
/// ```
/// - Source: He et al., 2021, arXiv:2111.06377.
public final class MAE: Objective {
  public let views = 1
  public let head: ParameterStore
  private let settings: MAEConfiguration
  private let decoder: MaskedDecoder

  /// - Throws: `TrainingError.Code.badConfiguration` for a model that is not a ViT, or a ratio that leaves no patch to see or
  ///   none to predict; `ModelError` for impossible decoders.
  public init(
    _ settings: MAEConfiguration, for model: any Model, generator: RandomGenerator, device: Device
  ) throws {
    let configuration = model.configuration
    guard let patches = (model as? VisionTransformer)?.patchCount else {
      throw TrainingError(
        .badConfiguration,
        "MAE masks patches, and '\(configuration)' has none: it needs a ViT (mocov3, mmcr and lejepa take any model)")
    }
    let kept = settings.keptPatches(of: patches)
    guard kept > 0, kept < patches else {
      throw TrainingError(
        .badConfiguration,
        "a mask ratio of \(settings.maskRatio) keeps \(kept) of \(patches) patches; at least 1 must be seen and 1 predicted"
      )
    }
    self.settings = settings
    head = ParameterStore(generator: generator, device: device)
    decoder = try MaskedDecoder(
      head.root, for: configuration, width: settings.decoderWidth, depth: settings.decoderDepth,
      heads: settings.decoderHeads)
  }

  /// MAE's own first values: Xavier for all linear layers and the patch projection, biases 0, CLS normal with deviation 0.02.
  public func initialize(_ model: any Model) throws {
    for (name, tensor) in model.store.parameters where tensor.requiresGradient && !name.hasPrefix("head.") {
      let initializer: Initializer?
      switch (name, tensor.rank) {
      case ("cls_token", _): initializer = .normal(mean: 0, standardDeviation: 0.02)
      case (_, 2...) where name.hasSuffix(".weight"):
        let outputs = tensor.shape[0]
        initializer = .xavierUniform(fanIn: tensor.count / outputs, fanOut: outputs)
      case ("patch_embed.proj.bias", _): initializer = .zeros
      default: initializer = nil
      }
      try initializer.map { try tensor.draw($0, generator: model.store.generator) }
    }
  }

  public func loss(_ model: any Model, _ batch: TrainingBatch) throws -> Tensor {
    guard let patches = (model as? VisionTransformer)?.patchCount else {
      throw TrainingError(.badConfiguration, "MAE needs a ViT, found '\(model.configuration)'")
    }
    guard batch.views.count == 1, let images = batch.views.first, images.shape[0] > 0 else {
      throw TrainingError(
        .badConfiguration, "MAE takes a batch of one view of at least one image, found \(batch.views.map(\.shape))")
    }
    return try loss(
      model, images,
      PatchMask(
        images: images.shape[0], patches: patches, keeping: settings.keptPatches(of: patches),
        random: batch.random.derived("mask")))
  }

  /// As above with a mask from elsewhere.
  public func loss(_ model: any Model, _ images: Tensor, _ mask: PatchMask) throws -> Tensor {
    guard let encoder = model as? VisionTransformer else {
      throw TrainingError(.badConfiguration, "MAE needs a ViT, found '\(model.configuration)'")
    }
    let patches = try encoder.patches(of: images)  // [N, L, C·p·p]
    let visible = try Tensor(mask.visible, device: images.device)
    let hidden = try Tensor(mask.hidden, device: images.device)
    let tokens = try encoder.tokens(patches, keeping: visible, training: true)  // [N, 1 + K, D]
    let predicted = try decoder.predict(tokens, visible: visible, hidden: hidden).to(.float32)
    let targets = try withoutGradients {
      // A decoder's outputs are in the order of pixels with their channels together, where the encoder's inputs have channels apart.
      let (channels, count) = (images.shape[1], hidden.count)
      let values = try patches.flatten(to: 1).indexSelect(0, indices: hidden)  // [N·(L − K), C·p·p]
        .reshape([count, channels, -1]).transpose(1, 2).reshape([count, -1])  // [N·(L − K), p·p·C]
      return try settings.normalizedTargets ? normalized(values) : values
    }
    let difference = try predicted.reshape(targets.shape) - targets
    return try (difference * difference).mean()
  }

  private func normalized(_ patches: Tensor) throws -> Tensor {
    let n = Double(patches.shape[1])
    let mean = try patches.mean(over: [1], keepingDimensions: true)
    let variance = try patches.variance(over: [1], keepingDimensions: true) * (n / max(n - 1, 1))
    return try (patches - mean) / (variance + 1e-6).squareRoot()
  }
}

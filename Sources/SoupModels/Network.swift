import SoupTorch

/// Anything that turns images into logits and whose weights have names: an architecture of ours, or a module of the user's.
public protocol Network: AnyObject {
  /// All parameters and buffers by name.
  var store: ParameterStore { get }
  /// Every batch norm whose statistics can be recomputed; empty where there is none, or none that is known.
  var batchNorms: [BatchNorm2d] { get }

  /// `[N, C, H, W]` normalised float32 → logits `[N, classes]`.
  func callAsFunction(_ images: Tensor, training: Bool) throws -> Tensor

  /// A snapshot of the current weights for prediction, unless `predictsLive`.
  func inference(precision: Precision, batchSize: Int) throws -> any InferenceModel

  /// Whether what `inference` returns follows later changes of the weights.
  var predictsLive: Bool { get }

  /// Why it cannot classify such images; empty if it can, or cannot say.
  func problems(channels: Int, classes: Int) -> [String]
}

extension Network {
  public var predictsLive: Bool { false }
}

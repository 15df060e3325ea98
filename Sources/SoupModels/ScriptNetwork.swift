import SoupTorch

/// A TorchScript module as a network to evaluate and season. Its weights are filled by name, strictly.
///
/// Batch norm runs in evaluation mode by the statistics of the checkpoint or soup. They cannot be recomputed here: what is
/// a batch norm inside the module is not known.
public final class ScriptNetwork: Network {
  public let module: ScriptModule

  /// Loads a module; see `ScriptModule` on trust.
  public init(contentsOf path: String, device: Device = .cpu) throws {
    module = try ScriptModule(contentsOf: path, device: device)
  }

  public var store: ParameterStore { module.store }
  public var batchNorms: [BatchNorm2d] { [] }

  public func callAsFunction(_ images: Tensor, training: Bool) throws -> Tensor {
    try module(images, training: training)
  }

  /// The module itself predicts.
  public var predictsLive: Bool { true }

  public func inference(precision: Precision, batchSize: Int) throws -> any InferenceModel {
    Inference(module: module, precision: precision)
  }

  /// The module itself finds out, when it runs.
  public func problems(channels: Int, classes: Int) -> [String] { [] }

  private final class Inference: InferenceModel {
    let module: ScriptModule
    let precision: Precision

    init(module: ScriptModule, precision: Precision) {
      self.module = module
      self.precision = precision
    }

    func callAsFunction(_ images: Tensor) throws -> Tensor {
      try withoutGradients {
        try withAutocast(precision, device: images.device) { try module(images) }.to(.float32)
      }
    }

    func features(_ images: Tensor) throws -> Tensor { throw ModelError.withoutFeatures }
  }
}

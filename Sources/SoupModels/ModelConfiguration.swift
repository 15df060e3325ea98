/// Everything that fixes a model's parameter names, shapes and function. Training choices (drop path, precision) are not in it.
///
/// It is written into our checkpoints as JSON under `ModelConfiguration.metadataKey`, and typed by people as
/// `resnet20:width=2,channels=1,image=28`.
public struct ModelConfiguration: Sendable, Hashable {
  /// The metadata key of a safetensors checkpoint of ours.
  public static let metadataKey = "soup.model"

  public var architecture: Architecture
  /// Number of logits; 0 for an encoder without a classifier. Default: 10; 100 for `cifar-…`; 1000 for torchvision's ResNets and ViTs.
  public var classes: Int
  /// Channels of an image. Default: 3.
  public var channels: Int
  /// Height and width of an image in pixels. Default: 32 for CIFAR networks, otherwise 224. Only a ViT's shapes depend on it.
  public var imageSize: Int
  /// Multiplies the 16, 32 and 64 channels of the He networks; 1 for all others.
  public var width: Int
  /// The dimensions of a ViT; nil for all others.
  public var transformer: TransformerShape?

  /// The architecture with its usual options.
  public init(
    _ architecture: Architecture, classes: Int? = nil, channels: Int? = nil, imageSize: Int? = nil, width: Int = 1
  ) {
    let usual =
      switch architecture.family {
      case .he: (classes: 10, image: 32)
      case .cifar: (classes: 100, image: 32)
      case .vision, .transformer: (classes: 1000, image: 224)
      }
    self.architecture = architecture
    self.classes = classes ?? usual.classes
    self.channels = channels ?? 3
    self.imageSize = imageSize ?? usual.image
    self.width = width
    self.transformer = TransformerShape(architecture)
  }

  /// What a model of this configuration calls its classifier: `head`, as in `head.weight` and `head.bias`.
  public var classifierName: String {
    switch architecture.family {
    case .he: "linear"
    case .cifar, .vision: "fc"
    case .transformer: "head"
    }
  }

  /// Checks every option, so that a model of this configuration can be built.
  /// - Throws: one `ModelError.invalidOption` that names everything wrong.
  public func validate() throws(ModelError) {
    var problems: [String] = []
    for (name, value, limit) in [
      ("channels", channels, 1 << 12), ("image", imageSize, 1 << 14),
      ("width", width, 1 << 8),
    ] where !(1...limit).contains(value) {
      problems.append("\(name)=\(value) is outside 1...\(limit)")
    }
    if !(0...1 << 20).contains(classes) { problems.append("classes=\(classes) is outside 0...\(1 << 20)") }
    if case .he = architecture.family {
    } else if width != 1 {
      problems.append("width=\(width): only the CIFAR networks resnet8 … resnet110 have a width factor")
    }
    switch (architecture.family, transformer) {
    case (.transformer, let shape?): problems += shape.problems(imageSize: imageSize)
    case (.transformer, nil): problems.append("a ViT needs its dimensions")
    case (_, nil): break
    case (_, _?): problems.append("patch, dim, depth, heads … belong to ViTs")
    }
    guard problems.isEmpty else {
      throw ModelError(.invalidOption, "model '\(architecture.rawValue)': " + problems.joined(separator: "; "))
    }
  }
}

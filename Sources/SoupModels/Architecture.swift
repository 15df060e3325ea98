/// The networks this library knows, by the names people use for them.
public enum Architecture: String, Codable, Sendable, CaseIterable, Hashable {
  // He et al., 2015, section 4.2: three stages of 16, 32 and 64 channels times a width factor.
  case resNet8 = "resnet8"
  case resNet14 = "resnet14"
  case resNet20 = "resnet20"
  case resNet32 = "resnet32"
  case resNet44 = "resnet44"
  case resNet56 = "resnet56"
  case resNet110 = "resnet110"
  // The ImageNet networks with a 3x3 stem and no pooling at the entry, for small images.
  case cifarResNet18 = "cifar-resnet18"
  case cifarResNet34 = "cifar-resnet34"
  case cifarResNet50 = "cifar-resnet50"
  // torchvision's.
  case resNet18 = "resnet18"
  case resNet34 = "resnet34"
  case resNet50 = "resnet50"
  // timm's; `vit` names its own dimensions.
  case viT = "vit"
  case viTTiny = "vit-tiny"
  case viTSmall = "vit-small"
  case viTBase = "vit-base"

  /// What the architectures have in common: one family is one source file and one set of parameter names.
  public enum Family: Sendable, Hashable {
    /// CIFAR ResNets of 6n + 2 layers with `blocks` = n blocks in each of three stages; `HeResNet`.
    case he(blocks: Int)
    /// CIFAR ResNets with the ImageNet networks' stages; `CIFARResNet`.
    case cifar(StageLayout)
    /// torchvision's ResNets; `VisionResNet`.
    case vision(StageLayout)
    /// Vision transformers; `VisionTransformer`.
    case transformer
  }

  /// The four stages of an ImageNet-style ResNet: 64, 128, 256 and 512 channels.
  public struct StageLayout: Sendable, Hashable {
    /// Number of residual blocks per stage.
    public let blocks: [Int]
    /// Whether blocks are 1x1 – 3x3 – 1x1 with four times the channels at their end, rather than 3x3 – 3x3.
    public let bottleneck: Bool

    public static let resNet18 = StageLayout(blocks: [2, 2, 2, 2], bottleneck: false)
    public static let resNet34 = StageLayout(blocks: [3, 4, 6, 3], bottleneck: false)
    public static let resNet50 = StageLayout(blocks: [3, 4, 6, 3], bottleneck: true)

    /// Channels at the end of a block, per channel inside it.
    public var expansion: Int { bottleneck ? 4 : 1 }
  }

  public var family: Family {
    switch self {
    case .resNet8: .he(blocks: 1)
    case .resNet14: .he(blocks: 2)
    case .resNet20: .he(blocks: 3)
    case .resNet32: .he(blocks: 5)
    case .resNet44: .he(blocks: 7)
    case .resNet56: .he(blocks: 9)
    case .resNet110: .he(blocks: 18)
    case .cifarResNet18: .cifar(.resNet18)
    case .cifarResNet34: .cifar(.resNet34)
    case .cifarResNet50: .cifar(.resNet50)
    case .resNet18: .vision(.resNet18)
    case .resNet34: .vision(.resNet34)
    case .resNet50: .vision(.resNet50)
    case .viT, .viTTiny, .viTSmall, .viTBase: .transformer
    }
  }
}

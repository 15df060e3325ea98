import SoupTensors

extension ModelConfiguration {
  /// Reads the architecture off a checkpoint's parameter names and shapes, so that nobody has to type it for a foreign one.
  ///
  /// What names and shapes do not tell is assumed: an image size other than a ViT's (`imageSize`, or the architecture's usual
  /// one), heads of 64 dimensions, ε = 1e-6.
  /// - Parameters:
  ///   - dict: a state dict with akamaster's, weiaicunzai's, torchvision's or timm's names
  ///   - imageSize: height and width of the images it is meant for, where known
  /// - Throws: `ModelError.notRecognised` with what is missing, if this is none of ours.
  public init(inferring dict: StateDict, imageSize: Int? = nil) throws {
    let names = Set(dict.names)
    if names.contains("patch_embed.proj.weight") {
      self = try Self.transformer(dict)
    } else if names.contains("layer1.0.conv1.weight"), !names.contains("layer4.0.conv1.weight"),
      !names.contains("fc.weight")
    {
      self = try Self.heResNet(dict)
    } else if names.contains("layer4.0.conv1.weight") {
      let blocks = (1...4).map { dict.children(of: "layer\($0)") }
      self = try Self.staged(
        dict, blocks, bottleneck: names.contains("layer1.0.conv3.weight"), stem: "conv1.weight",
        among: [.resNet18, .resNet34, .resNet50])
    } else if names.contains("conv5_x.0.residual_function.0.weight") {
      let blocks = (2...5).map { dict.children(of: "conv\($0)_x") }
      self = try Self.staged(
        dict, blocks, bottleneck: names.contains("conv2_x.0.residual_function.6.weight"), stem: "conv1.0.weight",
        among: [.cifarResNet18, .cifarResNet34, .cifarResNet50])
    } else {
      let some = dict.names.prefix(3).joined(separator: ", ")
      throw ModelError(
        .notRecognised,
        "these parameter names (\(some.isEmpty ? "none" : some + ", …")) are of no architecture known here; name it with "
          + "--model, and rename the parameters if they belong to one of "
          + Architecture.allCases.map(\.rawValue).joined(separator: ", "))
    }
    if let imageSize, transformer == nil { self.imageSize = imageSize }
    try validate()
  }

  private static func heResNet(_ dict: StateDict) throws -> ModelConfiguration {
    let blocks = dict.children(of: "layer1")
    let stem = try dict.shape("conv1.weight", rank: 4)
    let found = Architecture.allCases.first { $0.family == .he(blocks: blocks) }
    guard let found, stem[0] % 16 == 0 else {
      throw ModelError(
        .notRecognised,
        "a CIFAR ResNet of \(6 * blocks + 2) layers and \(stem[0]) channels in its stem is none of resnet8 … resnet110 "
          + "times a width factor")
    }
    let classes = try dict.classes("linear")
    return ModelConfiguration(found, classes: classes, channels: stem[1], width: stem[0] / 16)
  }

  private static func staged(
    _ dict: StateDict, _ blocks: [Int], bottleneck: Bool, stem: String, among candidates: [Architecture]
  ) throws -> ModelConfiguration {
    let found = candidates.first {
      switch $0.family {
      case .cifar(let layout), .vision(let layout): layout.blocks == blocks && layout.bottleneck == bottleneck
      default: false
      }
    }
    guard let found else {
      throw ModelError(
        .notRecognised,
        "a ResNet with \(blocks) \(bottleneck ? "bottleneck" : "basic") blocks is none of "
          + candidates.map(\.rawValue).joined(separator: ", "))
    }
    let classes = try dict.classes("fc")
    return ModelConfiguration(found, classes: classes, channels: try dict.shape(stem, rank: 4)[1])
  }

  private static func transformer(_ dict: StateDict) throws -> ModelConfiguration {
    let patch = try dict.shape("patch_embed.proj.weight", rank: 4)  // [D, C, p, p]
    let positions = try dict.shape("pos_embed", rank: 3)  // [1, 1 + L, D]
    let classes = try dict.classes("head")
    let hidden = try dict.shape("blocks.0.mlp.fc1.weight", rank: 2)[0]
    let (dimension, size) = (patch[0], patch[2])
    let grid = Int(Double(max(positions[1] - 1, 0)).squareRoot().rounded())
    guard grid > 0, grid * grid == positions[1] - 1, dimension > 0 else {
      throw ModelError(
        .notRecognised, "pos_embed of shape \(positions) is not one CLS token and a square of patches")
    }
    var shape = TransformerShape(
      patchSize: size, dimension: dimension, depth: dict.children(of: "blocks"),
      heads: dimension % 64 == 0 ? dimension / 64 : 1, mlpRatio: Double(hidden) / Double(dimension))
    if dict["fc_norm.weight"] != nil { shape.pooling = .mean }
    let usual = [Architecture.viTTiny, .viTSmall, .viTBase].first {
      let named = TransformerShape($0)
      return named?.dimension == dimension && named?.heads == shape.heads
    }
    if dimension % 4 == 0, let stored = dict["pos_embed"] {
      let fixed = try sinCosPositions(dimension: dimension, grid: grid).floats()
      if zip(stored.floats(), fixed).allSatisfy({ abs($0 - $1) < 1e-2 }) { shape.positions = .sinCos }
    }
    var configuration = ModelConfiguration(
      usual ?? .viT, classes: classes, channels: patch[1], imageSize: grid * size)
    configuration.transformer = shape
    return configuration
  }
}

extension StateDict {
  /// Number of children `prefix.0`, `prefix.1`, …
  func children(of prefix: String) -> Int {
    let start = prefix + "."
    let indices = names.lazy.filter { $0.hasPrefix(start) }.compactMap {
      Int($0.dropFirst(start.count).prefix { $0 != "." })
    }
    return Set(indices).count
  }

  /// Outputs of a classifier; 0 where there is none.
  fileprivate func classes(_ name: String) throws -> Int {
    self[name + ".weight"] == nil && self[name + ".bias"] == nil ? 0 : try shape(name + ".weight", rank: 2)[0]
  }

  /// - Throws: `ModelError.notRecognised` if the tensor is missing or has another rank.
  fileprivate func shape(_ name: String, rank: Int) throws -> [Int] {
    guard let tensor = self[name] else {
      throw ModelError(.notRecognised, "this looks like one of our architectures, but '\(name)' is missing")
    }
    guard tensor.shape.count == rank else {
      throw ModelError(.notRecognised, "'\(name)' has shape \(tensor.shape); \(rank) dimensions were expected")
    }
    return tensor.shape
  }
}

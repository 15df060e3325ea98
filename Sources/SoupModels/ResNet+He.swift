import SoupTorch

extension ResNet {
  /// The CIFAR networks of section 4.2: 6n + 2 layers in three stages of n blocks with 16, 32 and 64 channels, times a width
  /// factor; strides 1, 2, 2; shortcuts without parameters (option A).
  ///
  /// Names of akamaster/pytorch_resnet_cifar10, which also initialises like this: convolutions and classifier He-normal over their
  /// inputs, the classifier's bias as PyTorch.
  /// - Source: He et al., 2015, arXiv:1512.03385.
  static func he(_ configuration: ModelConfiguration, blocks: Int, _ root: Scope) throws -> (Network, Linear?) {
    let width = 16 * configuration.width

    func layer(_ scope: Scope, _ index: Int, _ inputs: Int, _ outputs: Int, stride: Int = 1) throws -> ConvolutionNorm {
      try ConvolutionNorm(
        scope / "conv\(index)", scope / "bn\(index)", inputs, outputs, kernel: 3, stride: stride,
        weight: .kaimingNormal(fan: inputs * 9))
    }

    var network = Network(stem: try layer(root, 1, configuration.channels, width))
    var inputs = width
    for stage in 0..<3 {
      let outputs = width << stage
      for block in 0..<blocks {
        let scope = root / "layer\(stage + 1)" / block
        let stride = block == 0 && stage > 0 ? 2 : 1
        let branch = [try layer(scope, 1, inputs, outputs, stride: stride), try layer(scope, 2, outputs, outputs)]
        network.blocks.append(
          ResidualBlock(
            branch: branch,
            shortcut: stride == 1 ? .identity : .padded(stride: stride, extra: (outputs - inputs) / 2)))
        inputs = outputs
      }
    }
    guard configuration.classes > 0 else { return (network, nil) }
    let linear = try Linear(root / "linear", inputs, configuration.classes, weight: .kaimingNormal(fan: inputs))
    return (network, linear)
  }
}

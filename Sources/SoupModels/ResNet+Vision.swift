import SoupTorch

extension ResNet {
  /// ResNet-18, 34 and 50 for ImageNet: a 7x7 stem of stride 2 and a 3x3 max pooling, then four stages with projections where
  /// the shape changes. A bottleneck strides on its 3x3 convolution ("v1.5").
  ///
  /// Names and initialisation of torchvision: convolutions He-normal over their outputs, the classifier as PyTorch.
  static func vision(
    _ configuration: ModelConfiguration, _ layout: Architecture.StageLayout, _ root: Scope
  ) throws -> (Network, Linear?) {
    func layer(
      _ convolution: Scope, _ norm: Scope, _ inputs: Int, _ outputs: Int, kernel: Int, stride: Int
    ) throws -> ConvolutionNorm {
      try ConvolutionNorm(
        convolution, norm, inputs, outputs, kernel: kernel, stride: stride,
        weight: .kaimingNormal(fan: outputs * kernel * kernel))
    }

    var network = Network(
      stem: try layer(root / "conv1", root / "bn1", configuration.channels, 64, kernel: 7, stride: 2), poolsStem: true)
    network.blocks = try layout.plan().map { plan in
      let scope = root / "layer\(plan.stage + 1)" / plan.block
      let branch = try plan.branch.enumerated().map { index, part in
        try layer(
          scope / "conv\(index + 1)", scope / "bn\(index + 1)", part.inputs, part.outputs, kernel: part.kernel,
          stride: part.stride)
      }
      guard plan.projects else { return ResidualBlock(branch: branch, shortcut: .identity) }
      let shortcut = scope / "downsample"
      return ResidualBlock(
        branch: branch,
        shortcut: .projection(
          try layer(shortcut / 0, shortcut / 1, plan.inputs, plan.outputs, kernel: 1, stride: plan.stride)))
    }
    guard configuration.classes > 0 else { return (network, nil) }
    return (network, try Linear(root / "fc", 512 * layout.expansion, configuration.classes))
  }
}

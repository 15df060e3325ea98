import SoupTorch

extension ResNet {
  /// ResNet-18, 34 and 50 for small images: a 3x3 stem of stride 1 and no pooling after it, then the ImageNet networks' four
  /// stages with projections where the shape changes.
  ///
  /// Names of weiaicunzai/pytorch-cifar100, where a `Sequential` numbers its ReLUs too; everything is initialised as PyTorch does.
  static func cifar(
    _ configuration: ModelConfiguration, _ layout: Architecture.StageLayout, _ root: Scope
  ) throws -> (Network, Linear?) {
    let stem = root / "conv1"
    var network = Network(
      stem: try ConvolutionNorm(stem / 0, stem / 1, configuration.channels, 64, kernel: 3))
    network.blocks = try layout.plan().map { plan in
      let scope = root / "conv\(plan.stage + 2)_x" / plan.block
      let function = scope / "residual_function"
      let branch = try plan.branch.enumerated().map { index, layer in
        try ConvolutionNorm(
          function / (3 * index), function / (3 * index + 1), layer.inputs, layer.outputs, kernel: layer.kernel,
          stride: layer.stride)
      }
      guard plan.projects else { return ResidualBlock(branch: branch, shortcut: .identity) }
      let shortcut = scope / "shortcut"
      return ResidualBlock(
        branch: branch,
        shortcut: .projection(
          try ConvolutionNorm(
            shortcut / 0, shortcut / 1, plan.inputs, plan.outputs, kernel: 1, stride: plan.stride)))
    }
    guard configuration.classes > 0 else { return (network, nil) }
    return (network, try Linear(root / "fc", 512 * layout.expansion, configuration.classes))
  }
}

/// One residual block of an ImageNet-style network: what it takes, gives and consists of.
struct BlockPlan {
  let stage: Int
  let block: Int
  let inputs: Int
  let outputs: Int
  let stride: Int
  let branch: [(inputs: Int, outputs: Int, kernel: Int, stride: Int)]

  /// Whether the shortcut needs a projection.
  var projects: Bool { stride != 1 || inputs != outputs }
}

extension Architecture.StageLayout {
  /// All blocks in order, for a stem that gives 64 channels. A stage's first block strides by 2, except in the first stage;
  /// in a bottleneck the 3x3 convolution strides.
  func plan() -> [BlockPlan] {
    var inputs = 64
    var plans: [BlockPlan] = []
    for (stage, count) in blocks.enumerated() {
      let width = 64 << stage
      let outputs = width * expansion
      for block in 0..<count {
        let stride = block == 0 && stage > 0 ? 2 : 1
        plans.append(
          BlockPlan(
            stage: stage, block: block, inputs: inputs, outputs: outputs, stride: stride,
            branch: bottleneck
              ? [(inputs, width, 1, 1), (width, width, 3, stride), (width, outputs, 1, 1)]
              : [(inputs, outputs, 3, stride), (outputs, outputs, 3, 1)]))
        inputs = outputs
      }
    }
    return plans
  }
}

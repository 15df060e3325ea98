extension PermutationSpecification {
  /// Residual networks: a stem, stages of basic or bottleneck blocks, a linear classifier.
  ///
  /// Names of torchvision (`layer1.0.conv1`, `downsample`, `fc`), of weiaicunzai/pytorch-cifar100 (`conv2_x.0.residual_function.0`,
  /// `shortcut`, `fc`) and of akamaster/pytorch_resnet_cifar10 (`layer1.0.conv1`, `linear`, shortcuts without parameters).
  ///
  /// The channels of a residual stream are one group from where a projection (or the stem) makes them to the next projection.
  /// A shortcut that pads with zeros continues the stream: its channels keep their group, and the new ones are a group that starts
  /// there. The channels between two convolutions of a block are a group of their own. Scales, shifts and running statistics of a batch
  /// norm go with its channels.
  /// - Returns: nil if the names are not a ResNet's.
  /// - Throws: `AlignmentError.Code.unexpectedTensors`.
  static func resNet(_ shapes: [String: [Int]]) throws(AlignmentError) -> PermutationSpecification? {
    let usesSequentials = shapes["conv2_x.0.residual_function.0.weight"] != nil
    guard usesSequentials || shapes["layer1.0.conv1.weight"] != nil else { return nil }
    var builder = ResNetBuilder(shapes: shapes, usesSequentials: usesSequentials)
    try builder.build()
    return builder.specification
  }
}

private struct ResNetBuilder {
  let shapes: [String: [Int]]
  let usesSequentials: Bool
  var specification: PermutationSpecification
  var problems: [String] = []
  var known: Set<String> = []

  typealias Units = [PermutationSpecification.Unit]

  init(shapes: [String: [Int]], usesSequentials: Bool) {
    self.shapes = shapes
    self.usesSequentials = usesSequentials
    specification = PermutationSpecification(architecture: "ResNet", shapes: shapes)
  }

  mutating func build() throws(AlignmentError) {
    let (stem, stemNorm) = usesSequentials ? ("conv1.0", "conv1.1") : ("conv1", "bn1")
    var stream = newGroup("stem", outputs(of: stem))
    layer(stem, stemNorm, reads: nil, makes: stream)
    var stage = 1
    while shapes["\(block(stage, 0)).\(convolution(0)).weight"] != nil {
      var index = 0
      while shapes["\(block(stage, index)).\(convolution(0)).weight"] != nil {
        residualBlock(block(stage, index), &stream)
        index += 1
      }
      stage += 1
    }
    let classifier = shapes["fc.weight"] != nil ? "fc" : "linear"
    specification.number(classifier + ".weight", 1, by: stream, &problems)
    known.formUnion([classifier + ".weight", classifier + ".bias"])
    problems += shapes.keys.filter { !known.contains($0) }.sorted().map {
      "'\($0)' has no place in a ResNet of these names"
    }
    guard problems.isEmpty else {
      throw AlignmentError(.unexpectedTensors, "the network looks like a ResNet, but:", problems)
    }
  }

  private mutating func residualBlock(_ name: String, _ stream: inout Units) {
    var layers = 0
    while shapes["\(name).\(convolution(layers)).weight"] != nil { layers += 1 }
    let (entering, leaving) = (stream, outputs(of: "\(name).\(convolution(layers - 1))"))
    let shortcut = ["downsample", "shortcut"].map { "\(name).\($0)" }.first { shapes[$0 + ".0.weight"] != nil }
    if let shortcut {
      stream = newGroup("\(name) stream", outputs(of: shortcut + ".0"))
      layer(shortcut + ".0", shortcut + ".1", reads: entering, makes: stream)
    } else if leaving > entering.count {
      let new = newGroup("\(name) new channels", leaving - entering.count)
      let before = (leaving - entering.count) / 2
      stream = new[..<before] + entering + new[before...]
    }
    var input = entering
    for index in 0..<layers {
      let (convolution, norm) = ("\(name).\(convolution(index))", "\(name).\(norm(index))")
      let output = index == layers - 1 ? stream : newGroup(convolution, outputs(of: convolution))
      layer(convolution, norm, reads: input, makes: output)
      input = output
    }
  }

  /// A convolution and its batch norm.
  private mutating func layer(_ convolution: String, _ norm: String, reads input: Units?, makes output: Units) {
    specification.number(convolution + ".weight", 0, by: output, &problems)
    specification.number(convolution + ".bias", 0, by: output, &problems)
    if let input { specification.number(convolution + ".weight", 1, by: input, &problems) }
    for part in ["weight", "bias", "running_mean", "running_var"] {
      specification.number("\(norm).\(part)", 0, by: output, &problems)
      known.insert("\(norm).\(part)")
    }
    known.formUnion([convolution + ".weight", convolution + ".bias", norm + ".num_batches_tracked"])
  }

  private mutating func newGroup(_ name: String, _ size: Int) -> Units { specification.addGroup(name, size: size) }

  private func outputs(of convolution: String) -> Int { shapes[convolution + ".weight"]?.first ?? 0 }
  private func block(_ stage: Int, _ index: Int) -> String {
    usesSequentials ? "conv\(stage + 1)_x.\(index)" : "layer\(stage).\(index)"
  }
  private func convolution(_ index: Int) -> String {
    usesSequentials ? "residual_function.\(3 * index)" : "conv\(index + 1)"
  }
  private func norm(_ index: Int) -> String {
    usesSequentials ? "residual_function.\(3 * index + 1)" : "bn\(index + 1)"
  }
}

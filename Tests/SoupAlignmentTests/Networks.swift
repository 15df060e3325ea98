import SoupAlignment
import SoupTensors

/// Networks by their names and shapes, with random values: scales and shifts of norms as training leaves them, not all 1 and 0.
enum Networks {
  /// ResNet-20 of He et al., akamaster's names.
  static func resNet20(seed: UInt64, width: Int = 16, blocks: Int = 3) throws -> StateDict {
    var network = Builder(seed: seed)
    try network.layer("conv1", "bn1", [width, 3, 3, 3])
    var inputs = width
    for stage in 0..<3 {
      for block in 0..<blocks {
        let (name, outputs) = ("layer\(stage + 1).\(block)", width << stage)
        try network.layer("\(name).conv1", "\(name).bn1", [outputs, inputs, 3, 3])
        try network.layer("\(name).conv2", "\(name).bn2", [outputs, outputs, 3, 3])
        inputs = outputs
      }
    }
    try network.add("linear.weight", [10, inputs])
    try network.add("linear.bias", [10])
    return network.weights
  }

  /// A bottleneck network with projections, under torchvision's or weiaicunzai's names.
  static func bottlenecks(seed: UInt64, sequentials: Bool) throws -> StateDict {
    var network = Builder(seed: seed)
    try network.layer(sequentials ? "conv1.0" : "conv1", sequentials ? "conv1.1" : "bn1", [8, 3, 3, 3])
    var inputs = 8
    for stage in 1...2 {
      for block in 0..<2 {
        let (width, name) = (4 << stage, sequentials ? "conv\(stage + 1)_x.\(block)" : "layer\(stage).\(block)")
        let shapes = [[width, inputs, 1, 1], [width, width, 3, 3], [4 * width, width, 1, 1]]
        for (index, shape) in shapes.enumerated() {
          let names =
            sequentials
            ? ("residual_function.\(3 * index)", "residual_function.\(3 * index + 1)")
            : ("conv\(index + 1)", "bn\(index + 1)")
          try network.layer("\(name).\(names.0)", "\(name).\(names.1)", shape)
        }
        if block == 0 {
          let shortcut = "\(name).\(sequentials ? "shortcut" : "downsample")"
          try network.layer(shortcut + ".0", shortcut + ".1", [4 * width, inputs, 1, 1])
        }
        inputs = 4 * width
      }
    }
    try network.add("fc.weight", [10, inputs])
    try network.add("fc.bias", [10])
    return network.weights
  }

  /// A ViT of width 24 with 3 heads.
  static func transformer(seed: UInt64, depth: Int = 2) throws -> StateDict {
    var network = Builder(seed: seed)
    let width = 24
    try network.add("cls_token", [1, 1, width])
    try network.add("pos_embed", [1, 5, width])
    try network.add("patch_embed.proj.weight", [width, 3, 4, 4])
    try network.add("patch_embed.proj.bias", [width])
    for block in 0..<depth {
      let name = "blocks.\(block)"
      for norm in ["norm1", "norm2"] {
        for part in ["weight", "bias"] { try network.add("\(name).\(norm).\(part)", [width]) }
      }
      for (layer, outputs, inputs) in [
        ("attn.qkv", 3 * width, width), ("attn.proj", width, width), ("mlp.fc1", 4 * width, width),
        ("mlp.fc2", width, 4 * width),
      ] {
        try network.add("\(name).\(layer).weight", [outputs, inputs])
        try network.add("\(name).\(layer).bias", [outputs])
      }
    }
    try network.add("norm.weight", [width])
    try network.add("norm.bias", [width])
    try network.add("head.weight", [10, width])
    try network.add("head.bias", [10])
    return network.weights
  }

  /// Random numberings, of whole heads where there are heads.
  static func permutations(
    of specification: PermutationSpecification, heads: Int = 3, seed: UInt64
  ) throws -> Permutations {
    var random = CounterGenerator(seed: seed)
    var chosen: [Int] = []
    return try Permutations(
      specification.groups.map { group in
        guard group.name.hasSuffix("queries and keys") || group.name.hasSuffix("values") else {
          return random.permutation(group.size)
        }
        if group.name.hasSuffix("queries and keys") { chosen = random.permutation(heads) }
        let size = group.size / heads
        return chosen.flatMap { head in random.permutation(size).map { head * size + $0 } }
      }, of: specification)
  }

  private struct Builder {
    var weights = StateDict()
    var random: CounterGenerator

    init(seed: UInt64) { random = CounterGenerator(seed: seed) }

    mutating func add(_ name: String, _ shape: [Int], around center: Double = 0) throws {
      let values = (0..<shape.reduce(1, *)).map { _ in Float(center + random.normal() * 0.3) }
      try weights.add(name, HostTensor(floats: values, shape: shape))
    }

    mutating func layer(_ convolution: String, _ norm: String, _ shape: [Int]) throws {
      try add(convolution + ".weight", shape)
      for part in ["weight", "bias", "running_mean", "running_var"] {
        try add("\(norm).\(part)", [shape[0]], around: part == "weight" || part == "running_var" ? 2 : 0)
      }
      try weights.add(norm + ".num_batches_tracked", HostTensor(integers: [7], shape: []))
    }
  }
}

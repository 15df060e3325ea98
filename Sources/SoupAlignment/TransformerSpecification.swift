extension PermutationSpecification {
  /// Vision transformers under timm's names: `blocks.0.attn.qkv`, `attn.proj`, `mlp.fc1`, `mlp.fc2`.
  ///
  /// Hidden units of an MLP are a group. In an attention, heads exchange places, and inside a head the dimensions that queries and keys share,
  /// and those of values: `qᵀk` and the output do not depend on their order. The residual stream stays as it is: layer norms
  /// and positions tie it to the input, and models of one base share it.
  /// - Parameter heads: of each attention.
  /// - Returns: nil if the names are not a ViT's.
  /// - Throws: `AlignmentError.Code.unexpectedTensors`.
  static func transformer(_ shapes: [String: [Int]], heads: Int) throws(AlignmentError) -> PermutationSpecification? {
    guard let shape = shapes["blocks.0.attn.qkv.weight"], shape.count == 2 else { return nil }
    var specification = PermutationSpecification(architecture: "ViT", shapes: shapes)
    var problems: [String] = []
    let width = shape[1]
    guard heads > 0, width.isMultiple(of: heads) else {
      throw AlignmentError(.unexpectedTensors, "\(heads) heads do not divide a width of \(width)")
    }
    var block = 0
    while shapes["blocks.\(block).attn.qkv.weight"] != nil {
      let name = "blocks.\(block)"
      let queryKey = specification.addGroup("\(name) queries and keys", size: width)
      let value = specification.addGroup("\(name) values", size: width)
      specification.addHeads(heads, queryKey: queryKey, value: value)
      for part in ["weight", "bias"] {
        specification.number("\(name).attn.qkv.\(part)", 0, by: queryKey + queryKey + value, &problems)
      }
      specification.number("\(name).attn.proj.weight", 1, by: value, &problems)
      let hidden = specification.addGroup("\(name) MLP", size: shapes["\(name).mlp.fc1.weight"]?.first ?? 0)
      for part in ["weight", "bias"] { specification.number("\(name).mlp.fc1.\(part)", 0, by: hidden, &problems) }
      specification.number("\(name).mlp.fc2.weight", 1, by: hidden, &problems)
      let known = ["qkv", "proj"].map { "\(name).attn.\($0)." } + ["fc1", "fc2"].map { "\(name).mlp.\($0)." }
      problems += shapes.keys.filter { key in
        (key.hasPrefix("\(name).attn.") || key.hasPrefix("\(name).mlp.")) && !known.contains { key.hasPrefix($0) }
      }.sorted().map { "'\($0)' has no place in a plain ViT" }
      block += 1
    }
    guard problems.isEmpty else {
      throw AlignmentError(.unexpectedTensors, "the network looks like a ViT, but:", problems)
    }
    return specification
  }
}

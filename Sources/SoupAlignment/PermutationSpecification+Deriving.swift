import Foundation
import SoupTensors

extension PermutationSpecification {
  /// The symmetries of a network, found by the names and shapes of its tensors: ResNets and ViTs (one file for each family).
  /// - Parameter heads: attention heads; nil takes them from the checkpoint's `soup.model`, else assumes 64 dimensions a head.
  /// - Throws: `AlignmentError` for other networks, and for tensors that do not belong.
  public init(of weights: StateDict, heads: Int? = nil) throws(AlignmentError) {
    var shapes: [String: [Int]] = [:]
    for (name, tensor) in weights { shapes[name] = tensor.shape }
    if let found = try Self.resNet(shapes) {
      self = found
    } else if let found = try Self.transformer(shapes, heads: Self.heads(heads, of: weights, shapes)) {
      self = found
    } else {
      throw AlignmentError(
        .unknownArchitecture,
        "the names are of no architecture whose symmetries are known: the first of \(weights.count) are "
          + weights.names.prefix(3).map { "'\($0)'" }.joined(separator: ", ")
          + ". Known are ResNets (torchvision, weiaicunzai, akamaster) and ViTs (timm)")
    }
  }

  private static func heads(
    _ named: Int?, of weights: StateDict, _ shapes: [String: [Int]]
  ) throws(AlignmentError) -> Int {
    if let named { return named }
    struct Recorded: Decodable { let heads: Int? }
    if let text = weights.metadata["soup.model"],
      let heads = try? JSONDecoder().decode(Recorded.self, from: Data(text.utf8)).heads
    {
      return heads
    }
    guard let width = shapes["blocks.0.attn.qkv.weight"]?.last else { return 1 }
    guard width.isMultiple(of: 64) else {
      throw AlignmentError(
        .unknownArchitecture, "nothing says how many heads attentions of width \(width) have; name them with --heads")
    }
    return width / 64
  }
}

import SoupTensors

/// Which patches of each image are seen: an independent uniform choice of a fixed number, image `n` by the permutation of
/// `random.derived(n)`.
public struct PatchMask: Sendable {
  /// Positions in the list of all images' patches, `[images · kept]` int64, an image's together.
  public let visible: HostTensor
  /// The others, `[images · (patches − kept)]`.
  public let hidden: HostTensor

  public init(images: Int, patches: Int, keeping kept: Int, random: CounterGenerator) throws {
    try self.init(
      patches: patches,
      visible: (0..<images).map { image in
        var own = random.derived(UInt64(image))
        return Array(own.permutation(patches).prefix(kept))
      })
  }

  /// - Parameter visible: for each image the patches that are seen, as many of each, none twice
  public init(patches: Int, visible: [[Int]]) throws {
    var seen: [Int64] = []
    var others: [Int64] = []
    for (image, chosen) in visible.enumerated() {
      var isSeen = [Bool](repeating: false, count: patches)
      for patch in chosen {
        isSeen[patch] = true
        seen.append(Int64(image * patches + patch))
      }
      for patch in 0..<patches where !isSeen[patch] { others.append(Int64(image * patches + patch)) }
    }
    self.visible = try HostTensor(integers: seen, shape: [seen.count])
    hidden = try HostTensor(integers: others, shape: [others.count])
  }
}

import SoupTensors

/// Which patches of each image are seen: an independent uniform choice of a fixed number, image `n` by the permutation of
/// `random.derived(n)`.
public struct PatchMask: Sendable {
  /// Positions in the list of all images' patches, `[images · kept]` int64, an image's together.
  public let visible: HostTensor
  /// The others, `[images · (patches − kept)]`.
  public let hidden: HostTensor

  public init(images: Int, patches: Int, keeping kept: Int, random: CounterGenerator) throws {
    var visible: [Int64] = []
    var hidden: [Int64] = []
    visible.reserveCapacity(images * kept)
    hidden.reserveCapacity(images * (patches - kept))
    for image in 0..<images {
      var own = random.derived(UInt64(image))
      for (place, patch) in own.permutation(patches).enumerated() {
        let position = Int64(image * patches + patch)
        if place < kept { visible.append(position) } else { hidden.append(position) }
      }
    }
    self.visible = try HostTensor(integers: visible, shape: [visible.count])
    self.hidden = try HostTensor(integers: hidden, shape: [hidden.count])
  }
}

import SoupTensors

/// Images and what is to be learnt about them.
public struct Batch: Sendable {
  /// `[N, C, H, W]` float32, normalized.
  public let images: HostTensor
  /// Further views of the same images, each `[N, C, H, W]`, when the loader makes several.
  public let otherViews: [HostTensor]
  /// `[N]` int64.
  public let labels: HostTensor
  /// `[N, classes]` float32 probabilities, when `Mixup` mixed the images; then train on these, not on `labels`.
  public let targets: HostTensor?
  /// Where each image is in the loader's data set.
  public let indices: [Int]
  public let epoch: Int
  /// Position in the epoch; resuming begins at `index + 1`.
  public let index: Int

  public var count: Int { indices.count }

  public init(
    images: HostTensor, labels: HostTensor, targets: HostTensor? = nil, indices: [Int], epoch: Int = 0, index: Int = 0,
    otherViews: [HostTensor] = []
  ) {
    self.images = images
    self.otherViews = otherViews
    self.labels = labels
    self.targets = targets
    self.indices = indices
    self.epoch = epoch
    self.index = index
  }
}

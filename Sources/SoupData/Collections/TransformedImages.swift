import CZlib
import SoupTensors

/// Images of any size as a data set of one size: each is decoded and transformed when it is asked for.
///
/// With a generator an image is a random view, without one the evaluation's; so one set serves training (`DataLoader` with a
/// seed) and evaluation.
public struct TransformedImages: ImageDataset {
  public let images: any EncodedImages
  /// What training sees.
  public let training: ImageTransform
  /// What it sees in the second and further views, the last of them in all that follow; empty where that is `training` too.
  public let otherViews: [ImageTransform]
  /// What evaluation sees; not random.
  public let evaluation: ImageTransform
  public let codec: ImageCodec
  public let normalization: Normalization
  /// Positions in `images` that are part of the set.
  public let indices: [Int]
  /// Images that `BadImagePolicy.skip` left out.
  public let skipped: [BadImage]
  public let classSubset: [Int]?
  private let workspaces = WorkspacePool()

  public var name: String { images.name }
  public var count: Int { indices.count }
  public var classNames: [String] { images.classNames }
  public var channels: Int { 3 }
  public var height: Int { evaluation.framing.height }
  public var width: Int { evaluation.framing.width }
  public var drawsViews: Bool { training.isRandom }

  /// - Parameters:
  ///   - training: the evaluation's by default.
  ///   - otherViews: of the same size; `training` by default.
  ///   - badImages: `.skip` decodes everything once, here.
  ///   - classSubset: the classes that take part in scores, when `classNames` has more.
  ///   - threads: for that.
  /// - Throws: `DataError.invalidRequest` if the transforms' sizes differ or evaluation would be random; `DataError.notFound` if
  ///   no image is left.
  public init(
    _ images: any EncodedImages, evaluation: ImageTransform, training: ImageTransform? = nil,
    normalization: Normalization = .imageNet, codec: ImageCodec = ImageCodec(), badImages: BadImagePolicy = .error,
    classSubset: [Int]? = nil, threads: Int = 1, otherViews: [ImageTransform] = []
  ) throws {
    let training = training ?? evaluation
    guard !evaluation.isRandom else {
      throw DataError(.invalidRequest, "evaluation cannot use a random transform", found: "\(evaluation.framing)")
    }
    for view in [training] + otherViews
    where (view.framing.width, view.framing.height) != (evaluation.framing.width, evaluation.framing.height) {
      throw DataError(
        .invalidRequest, "training and evaluation need images of one size",
        expected: "\(evaluation.framing.width) × \(evaluation.framing.height)",
        found: "\(view.framing.width) × \(view.framing.height)")
    }
    var skipped: [BadImage] = []
    if badImages == .skip { skipped = try ImageCheck(images, codec: codec, threads: threads).bad }
    let left = Set(skipped.map(\.index))
    indices = left.isEmpty ? Array(0..<images.count) : (0..<images.count).filter { !left.contains($0) }
    guard !indices.isEmpty else {
      throw DataError(.notFound, "\(images.name) has no image that can be decoded")
    }
    self.images = images
    self.evaluation = evaluation
    self.training = training
    self.otherViews = otherViews
    self.normalization = normalization
    self.codec = codec
    self.skipped = skipped
    self.classSubset = classSubset
  }

  public func label(at index: Int) -> Int { images.label(at: indices[index]) }
  public func targets(at index: Int) -> [Int] { images.targets(at: indices[index]) }

  public func copyPixels(at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
    try render(index, evaluation, into: pixels, CounterGenerator(seed: 0))
  }

  public func copyPixels(
    at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>, using generator: CounterGenerator
  ) throws {
    try render(index, training, into: pixels, generator)
  }

  public func copyPixels(
    at index: Int, into pixels: UnsafeMutableBufferPointer<UInt8>, view: Int, using generator: CounterGenerator
  ) throws {
    let transform = view == 0 || otherViews.isEmpty ? training : otherViews[min(view, otherViews.count) - 1]
    try render(index, transform, into: pixels, generator)
  }

  private func render(
    _ index: Int, _ transform: ImageTransform, into pixels: UnsafeMutableBufferPointer<UInt8>,
    _ generator: CounterGenerator
  ) throws {
    let index = indices[index]
    try workspaces.with { workspace in
      _ = try images.withBytes(at: index, workspace) { bytes in
        do throws(DataError) {
          try transform.render(
            bytes, into: pixels, codec: codec, workspace: workspace, generator: generator,
            name: images.source(at: index))
        } catch {
          throw error.advising("To leave such images out: ?bad=skip, --on-bad-image skip")
        }
      }
    }
  }

  /// CRC-32 of names and labels: the images themselves are too many to read.
  public func checksum() -> UInt32 {
    var crc: UInt32 = 0
    for index in indices {
      let source = images.source(at: index)
      // What the folder is called does not matter.
      let parts = source.split(separator: "/").suffix(2).joined(separator: "/")
      let text = Array("\(parts) \(images.label(at: index))\n".utf8)
      crc = text.withUnsafeBufferPointer { czlib_crc32(crc, $0.baseAddress, $0.count) }
    }
    return crc
  }
}

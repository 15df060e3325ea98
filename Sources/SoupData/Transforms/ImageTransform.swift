import SoupTensors

/// From an encoded image to pixels of a fixed size: decode no more than is needed, frame, change.
///
/// A value: the same bytes and generator give the same pixels on every thread.
public struct ImageTransform: Sendable {
  public var framing: Framing
  /// Applied in this order.
  public var steps: [any PixelTransform]
  /// JPEG images are decoded at 1/2, 1/4 or 1/8 where that leaves at least this many times the pixels that resizing asks for,
  /// along each side; nil always decodes in full. Pillow's `thumbnail` takes 2.
  public var reducingGap: Double?
  /// Whether `steps` draw random numbers.
  public let isRandom: Bool

  /// - Throws: `DataError.invalidRequest` for sizes that make no sense.
  public init(_ framing: Framing, steps: [any PixelTransform] = [], reducingGap: Double? = nil) throws(DataError) {
    try framing.validate()
    self.framing = framing
    self.steps = steps
    self.reducingGap = reducingGap
    isRandom = framing.isRandom || !steps.isEmpty
  }

  /// Bytes of a result, `height × width × 3`.
  public var byteCount: Int { framing.width * framing.height * 3 }

  /// Decodes and transforms one image.
  /// - Parameters:
  ///   - bytes: a JPEG or PNG file.
  ///   - pixels: room for `byteCount` bytes.
  ///   - generator: the image's own stream.
  ///   - name: for messages.
  /// - Returns: how many faults the decoder repaired by guessing.
  /// - Throws: `DataError`.
  @discardableResult
  public func render(
    _ bytes: UnsafeRawBufferPointer, into pixels: UnsafeMutableBufferPointer<UInt8>, codec: ImageCodec = ImageCodec(),
    workspace: ImageWorkspace, generator: CounterGenerator, name: String
  ) throws(DataError) -> Int {
    precondition(pixels.count == byteCount, "the pixels are not of the transform's size")
    let header = try codec.header(of: bytes, name: name)
    var generator = generator
    if codec.appliesOrientation, header.orientation != 1 {
      try render(try codec.decode(bytes, name: name), into: pixels, workspace: workspace, generator: generator)
      return 0
    }
    let plan = framing.plan(width: header.width, height: header.height, using: &generator)
    let denominator = denominator(for: plan, header)
    let region = Self.region(of: plan.source, in: header, denominator)
    let warnings: Int
    if denominator == 1, region.width == plan.width, region.height == plan.height, isDirect(plan) {
      warnings = try codec.decode(bytes, region: region, into: pixels, name: name)
    } else {
      let part = workspace.pixels(region.width * region.height * 3)
      warnings = try codec.decode(bytes, region: region, into: part, name: name)
      let scale = Float(denominator)
      let (left, top) = (Float(plan.source.left) / scale, Float(plan.source.top) / scale)
      let box = (
        left: left - Float(region.left), top: top - Float(region.top),
        right: min(left + Float(plan.source.width) / scale - Float(region.left), Float(region.width)),
        bottom: min(top + Float(plan.source.height) / scale - Float(region.top), Float(region.height))
      )
      try place(
        part.baseAddress!, width: region.width, height: region.height, stride: region.width * 3, box: box, plan,
        into: pixels, workspace)
    }
    change(pixels, workspace, &generator)
    return warnings
  }

  /// Transforms an image that is decoded already.
  /// - Throws: `DataError` when memory is short.
  public func render(
    _ image: PixelImage, into pixels: UnsafeMutableBufferPointer<UInt8>, workspace: ImageWorkspace,
    generator: CounterGenerator
  ) throws(DataError) {
    var generator = generator
    let plan = framing.plan(width: image.width, height: image.height, using: &generator)
    let part = plan.source
    var failure: DataError?
    image.pixels.withUnsafeBufferPointer { source in
      do throws(DataError) {
        try place(
          source.baseAddress! + (part.top * image.width + part.left) * 3, width: part.width, height: part.height,
          stride: image.width * 3, box: (0, 0, Float(part.width), Float(part.height)), plan, into: pixels, workspace)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    change(pixels, workspace, &generator)
  }

  private func change(
    _ pixels: UnsafeMutableBufferPointer<UInt8>, _ workspace: ImageWorkspace, _ generator: inout CounterGenerator
  ) {
    guard !steps.isEmpty else { return }
    var view = ImageView(pixels, width: framing.width, height: framing.height, workspace: workspace)
    for (index, step) in steps.enumerated() {
      // A stream for each step: what one of them draws does not move the next.
      var own = generator.derived("step").derived(UInt64(index))
      step.apply(to: &view, using: &own)
    }
  }

  private func denominator(for plan: Framing.Plan, _ header: ImageHeader) -> Int {
    guard let reducingGap, header.format == .jpeg else { return 1 }
    return [8, 4, 2].first {
      Double(plan.source.width) / Double($0) >= reducingGap * Double(plan.width)
        && Double(plan.source.height) / Double($0) >= reducingGap * Double(plan.height)
    } ?? 1
  }

  /// The pixels at reduced scale that a part of the image touches.
  private static func region(of part: Rectangle, in header: ImageHeader, _ denominator: Int) -> ImageCodec.Region {
    let last = (
      (header.width + denominator - 1) / denominator, (header.height + denominator - 1) / denominator
    )
    let left = part.left / denominator
    let top = part.top / denominator
    let right = min(last.0, (part.left + part.width + denominator - 1) / denominator)
    let bottom = min(last.1, (part.top + part.height + denominator - 1) / denominator)
    return ImageCodec.Region(
      denominator: denominator, left: left, top: top, width: right - left, height: bottom - top)
  }

  private func isDirect(_ plan: Framing.Plan) -> Bool {
    plan.left == 0 && plan.top == 0 && plan.width == framing.width && plan.height == framing.height
  }

  /// Resizes to the plan's size and cuts the result out.
  private func place(
    _ source: UnsafePointer<UInt8>, width: Int, height: Int, stride: Int,
    box: (left: Float, top: Float, right: Float, bottom: Float), _ plan: Framing.Plan,
    into pixels: UnsafeMutableBufferPointer<UInt8>, _ workspace: ImageWorkspace
  ) throws(DataError) {
    let target = isDirect(plan) ? pixels : workspace.framed(plan.width * plan.height * 3)
    guard
      workspace.resize(
        source, width: width, height: height, stride: stride, box: box, into: target.baseAddress!, width: plan.width,
        height: plan.height, filter: framing.filter)
    else { throw DataError(.unreadable, "no memory to resize an image") }
    if isDirect(plan) { return }
    let columns = (0..<framing.width).map { Self.mirrored($0 + plan.left, plan.width) }
    let isInside = plan.left >= 0 && plan.left + framing.width <= plan.width
    for y in 0..<framing.height {
      let row = target.baseAddress! + Self.mirrored(y + plan.top, plan.height) * plan.width * 3
      let output = pixels.baseAddress! + y * framing.width * 3
      if isInside {
        output.update(from: row + plan.left * 3, count: framing.width * 3)
      } else {
        for x in 0..<framing.width { (output + x * 3).update(from: row + columns[x] * 3, count: 3) }
      }
    }
  }

  /// NumPy's `reflect`: the border pixel is not repeated.
  private static func mirrored(_ at: Int, _ count: Int) -> Int {
    guard count > 1 else { return 0 }
    let folded = ((at % (2 * count - 2)) + 2 * count - 2) % (2 * count - 2)
    return folded < count ? folded : 2 * count - 2 - folded
  }
}

import Foundation
import SoupData
import SoupTensors
import Testing

@Suite struct TransformTests {
  let reference = PillowReference.shared

  @Test func resizingIsPillowsToTheBit() throws {
    for expected in reference.resize {
      let box = (left: expected.box[0], top: expected.box[1], right: expected.box[2], bottom: expected.box[3])
      let image = try reference.source.image.resized(
        width: expected.width, height: expected.height, filter: expected.filter, box: box)
      #expect(image.pixels == Array(expected.pixels), "\(expected.filter) to \(expected.width) × \(expected.height)")
    }
  }

  @Test func resizingAConstantImageKeepsIt() throws {
    let image = PixelImage(width: 37, height: 19, pixels: Array(repeating: 201, count: 37 * 19 * 3))
    for filter in ResizeFilter.allCases {
      #expect(try image.resized(width: 90, height: 7, filter: filter).pixels.allSatisfy { $0 == 201 })
    }
  }

  @Test func operationsArePillowsToTheBit() throws {
    for expected in reference.operations {
      var image = reference.source.image
      let (width, height) = (image.width, image.height)
      if expected.name == "autocontrast" { image = change(image) { ColorJitter.adjustContrast(&$0, 0.5) } }
      let value = expected.value
      image.pixels.withUnsafeMutableBufferPointer { buffer in
        var view = ImageView(buffer, width: width, height: height)
        var generator = CounterGenerator(seed: 0)
        switch expected.name {
        case "brightness": ColorJitter.adjustBrightness(&view, value)
        case "contrast": ColorJitter.adjustContrast(&view, value)
        case "saturation": ColorJitter.adjustSaturation(&view, value)
        case "hue": ColorJitter.adjustHue(&view, value)
        case "sharpness": RandAugment.apply(.sharpness, value - 1, to: &view)
        case "blur": RandomBlur(radius: value...value).apply(to: &view, using: &generator)
        case "grey": Greyscale().apply(to: &view, using: &generator)
        case "solarize": Solarize().apply(to: &view, using: &generator)
        case "flip": HorizontalFlip(probability: 1).apply(to: &view, using: &generator)
        case "autocontrast": RandAugment.apply(.autoContrast, 0, to: &view)
        default: RandAugment.apply(RandAugment.Operation(rawValue: expected.name)!, value, to: &view)
        }
      }
      #expect(image.pixels == Array(expected.pixels), "\(expected.name) \(value)")
    }
  }

  private func change(_ image: PixelImage, _ body: (inout ImageView) -> Void) -> PixelImage {
    var copy = image
    copy.pixels.withUnsafeMutableBufferPointer { buffer in
      var view = ImageView(buffer, width: image.width, height: image.height)
      body(&view)
    }
    return copy
  }

  @Test func jitterOfNoStrengthChangesNothing() {
    var generator = CounterGenerator(seed: 3)
    let image = reference.source.image
    #expect(image.transformed(by: ColorJitter(), using: &generator) == image)
  }

  @Test func randomResizedCropDrawsFromTheStatedDistribution() {
    // A square image large enough that every rectangle fits with area below 3/4: nothing is drawn again.
    let crop = RandomResizedCrop(size: 8, area: 0.1...0.5)
    var generator = CounterGenerator(seed: 11)
    let count = 20_000
    var areas: [Int] = Array(repeating: 0, count: 10)
    var ratios = areas
    var places = areas
    for _ in 0..<count {
      let part = crop.rectangle(width: 2000, height: 2000, using: &generator)
      let area = Double(part.width * part.height) / 4e6
      let ratio = log(Double(part.width) / Double(part.height)) / log(4.0 / 3)
      #expect(part.left >= 0 && part.left + part.width <= 2000 && part.top >= 0 && part.top + part.height <= 2000)
      areas[min(9, max(0, Int((area - 0.1) / 0.04)))] += 1
      ratios[min(9, max(0, Int((ratio + 1) * 5)))] += 1
      places[min(9, Int(Double(part.left) / Double(2000 - part.width + 1) * 10))] += 1
    }
    // Chi-square with 9 degrees of freedom: above 33.7 once in 10,000.
    for counts in [areas, ratios, places] {
      let expected = Double(count) / 10
      #expect(counts.map { pow(Double($0) - expected, 2) / expected }.reduce(0, +) < 33.7, "\(counts)")
    }
  }

  @Test func aCropThatNeverFitsIsTheMiddle() {
    var generator = CounterGenerator(seed: 1)
    let wide = RandomResizedCrop(size: 8, area: 0.9...1).rectangle(width: 1000, height: 10, using: &generator)
    #expect(wide == Rectangle(left: 493, top: 0, width: 13, height: 10))
    let high = RandomResizedCrop(size: 8, area: 0.9...1).rectangle(width: 9, height: 900, using: &generator)
    #expect(high == Rectangle(left: 0, top: 444, width: 9, height: 12))
  }

  private func render(_ transform: ImageTransform, _ name: String, seed: UInt64 = 5) throws -> [UInt8] {
    let bytes = PillowReference.file(name)
    return try [UInt8](unsafeUninitializedCapacity: transform.byteCount) { buffer, count in
      count = transform.byteCount
      let pixels = UnsafeMutableBufferPointer(rebasing: buffer[..<count])
      try bytes.withUnsafeBytes {
        _ = try transform.render(
          $0, into: pixels, workspace: ImageWorkspace(), generator: CounterGenerator(seed: seed), name: name)
      }
    }
  }

  @Test func decodingAPartGivesWhatTheWholeImageGives() throws {
    let crop = RandomResizedCrop(size: 12)
    let transform = try ImageTransform(.randomResizedCrop(crop), steps: [ThreeAugment()])
    for name in ["baseline.jpg", "progressive.jpg", "colour.png"] {
      let image = try ImageCodec().decode(PillowReference.file(name))
      for seed in 0..<20 as Range<UInt64> {
        let whole = try [UInt8](unsafeUninitializedCapacity: transform.byteCount) { buffer, count in
          count = transform.byteCount
          try transform.render(
            image, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]), workspace: ImageWorkspace(),
            generator: CounterGenerator(seed: seed))
        }
        #expect(try render(transform, name, seed: seed) == whole)
      }
    }
  }

  @Test func theCentreIsTheMiddleOfTheResizedImage() throws {
    let transform = try ImageTransform(.centre(shorter: 18, size: 14, filter: .bicubic))
    let resized = try reference.source.image.resized(width: 24, height: 18, filter: .bicubic)
    var expected: [UInt8] = []
    for y in 2..<16 { expected += resized.pixels[(y * 24 + 5) * 3..<(y * 24 + 19) * 3] }
    #expect(try render(transform, "colour.png") == expected)
  }

  @Test func reflectCropMirrorsBeyondTheBorder() throws {
    let transform = try ImageTransform(.reflectCrop(size: 24, padding: 4), steps: [])
    let views = try Set((0..<40).map { try render(transform, "colour.png", seed: $0) })
    #expect(views.count > 20)
    // Every pixel of a view is one of the image's.
    let colours = Self.colours(reference.source.image.pixels)
    for view in views { #expect(Self.colours(view).isSubset(of: colours)) }
  }

  private static func colours(_ pixels: [UInt8]) -> Set<[UInt8]> {
    var colours: Set<[UInt8]> = []
    for start in stride(from: 0, to: pixels.count, by: 3) { colours.insert(Array(pixels[start..<start + 3])) }
    return colours
  }

  @Test func threeAugmentAppliesEachOfTheThreeEquallyOften() {
    let image = PixelImage(width: 8, height: 1, pixels: Array(stride(from: UInt8(0), to: 240, by: 10)))
    var transform = ThreeAugment(jitter: 0, flipProbability: 0)
    transform.blur = RandomBlur(radius: 2...2)
    var counts: [[UInt8]: Int] = [:]
    for seed in 0..<3000 as Range<UInt64> {
      var generator = CounterGenerator(seed: seed)
      counts[image.transformed(by: transform, using: &generator).pixels, default: 0] += 1
    }
    #expect(counts.count == 3)
    for count in counts.values { #expect((880...1120).contains(count)) }
  }

  @Test func reducedScaleIsUsedOnlyWhereEnoughPixelsAreLeft() throws {
    let image = try reference.source.image.resized(width: 640, height: 480, filter: .bicubic)
    let bytes = try image.jpeg(quality: 90)
    for (size, isReduced) in [(300, false), (64, true)] {
      var transform = try ImageTransform(.stretch(width: size, height: size, filter: .bicubic))
      func pixels() throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: transform.byteCount) { buffer, count in
          count = transform.byteCount
          let target = UnsafeMutableBufferPointer(rebasing: buffer[..<count])
          try bytes.withUnsafeBytes {
            _ = try transform.render(
              $0, into: target, workspace: ImageWorkspace(), generator: CounterGenerator(seed: 0), name: "large")
          }
        }
      }
      let exact = try pixels()
      transform.reducingGap = 2
      let reduced = try pixels()
      #expect((exact != reduced) == isReduced)
      let mean = Double(zip(exact, reduced).map { abs(Int($0) - Int($1)) }.reduce(0, +)) / Double(exact.count)
      #expect(mean < 2)
    }
  }

  @Test func cutMixKeepsTheAreaThatItSays() throws {
    let images = try HostTensor(dtype: .float32, shape: [2, 1, 8, 8]) { bytes in
      let values = bytes.bindMemory(to: Float.self)
      for i in 0..<64 { (values[i], values[64 + i]) = (0, 1) }
    }
    let batch = Batch(images: images, labels: try HostTensor(integers: [0, 1], shape: [2]), indices: [0, 1])
    let mixed = try CutMix.mix(batch, rectangle: Rectangle(left: 2, top: 1, width: 4, height: 3), classes: 3)
    let values = mixed.images.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    #expect(values[..<64].reduce(0, +) == 12)
    #expect(values[1 * 8 + 2] == 1 && values[0] == 0)
    let targets = mixed.targets!.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    let expected: [Float] = [0.8125, 0.1875, 0, 0.1875, 0.8125, 0]
    #expect(targets == expected)
    var mean = 0.0
    let cut = try CutMix(seed: 4)
    for index in 0..<2000 {
      let part = cut.rectangle(epoch: 0, batch: index, width: 32, height: 32)
      mean += Double(part.width * part.height) / 1024 / 2000
    }
    // Of an uncut rectangle it would be 1/2; what hangs over the border is lost.
    #expect(mean > 0.25 && mean < 0.4)
  }
}

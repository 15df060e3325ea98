import Foundation
import SoupData
import Testing

@Suite struct ImageCodecTests {
  let reference = PillowReference.shared

  @Test func everyKindOfFileDecodesToPillowsPixels() throws {
    for expected in reference.decode {
      #expect(try ImageCodec().decode(expected.bytes, name: expected.name) == expected.image, "\(expected.name)")
    }
  }

  @Test func encodingGivesPillowsBytes() throws {
    for expected in reference.encode {
      #expect(try reference.source.image.jpeg(quality: expected.quality) == Array(expected.file))
    }
  }

  @Test func pngKeepsEveryPixel() throws {
    let image = reference.source.image
    #expect(try ImageCodec().decode(image.png()) == image)
  }

  @Test func aPartHasTheBytesThatItHasInTheWhole() throws {
    for name in ["baseline.jpg", "full-chroma.jpg", "progressive.jpg", "cmyk.jpg", "colour.png", "palette.png"] {
      let bytes = PillowReference.file(name)
      let whole = try ImageCodec().decode(bytes)
      for (left, top, width, height) in [(0, 0, 32, 24), (5, 3, 9, 11), (31, 23, 1, 1), (16, 0, 16, 24), (1, 8, 30, 8)]
      {
        let region = ImageCodec.Region(left: left, top: top, width: width, height: height)
        let part = try PixelImage(width: width, height: height) { pixels in
          _ = try bytes.withUnsafeBytes { try ImageCodec().decode($0, region: region, into: pixels, name: name) }
        }
        for y in 0..<height {
          let row = ((top + y) * whole.width + left) * 3
          #expect(part.pixels[y * width * 3..<(y + 1) * width * 3] == whole.pixels[row..<row + width * 3], "\(name)")
        }
      }
    }
  }

  @Test func reducedScaleIsTheMeanOfWhatItReplaces() throws {
    let image = try ImageCodec().decode(PillowReference.file("full-chroma.jpg"))
    let bytes = PillowReference.file("full-chroma.jpg")
    let half = try PixelImage(width: 16, height: 12) { pixels in
      let region = ImageCodec.Region(denominator: 2, left: 0, top: 0, width: 16, height: 12)
      _ = try bytes.withUnsafeBytes { try ImageCodec().decode($0, region: region, into: pixels, name: "half") }
    }
    let mean = try image.resized(width: 16, height: 12, filter: .box)
    let differences = zip(half.pixels, mean.pixels).map { abs(Int($0) - Int($1)) }
    #expect(Double(differences.reduce(0, +)) / Double(differences.count) < 6)
  }

  @Test func orientationIsReadButAppliedOnlyWhenAsked() throws {
    let turned = reference.decode.first { $0.name == "turned.jpg" }!
    let header = try turned.bytes.withUnsafeBytes { try ImageCodec().header(of: $0, name: "turned") }
    #expect(header.orientation == 6)
    #expect(header.width == 32 && header.height == 24)
    #expect(try ImageCodec(appliesOrientation: true).decode(turned.bytes) == turned.upright!.image)
  }

  @Test func turningTwiceByNinetyDegreesIsTurningByHalf() {
    let image = reference.source.image
    #expect(image.oriented(6).oriented(6) == image.oriented(3))
    #expect(image.oriented(6).oriented(8) == image)
    #expect(image.oriented(5).oriented(5) == image)
    #expect(image.oriented(2).oriented(4) == image.oriented(3))
  }

  @Test func headersTellKindAndDepth() throws {
    for (name, channels, bits) in [
      ("baseline.jpg", 3, 8), ("grey.jpg", 1, 8), ("cmyk.jpg", 4, 8), ("sixteen.png", 1, 16), ("bits.png", 1, 1),
      ("alpha.png", 4, 8), ("palette.png", 3, 8),
    ] {
      let header = try PillowReference.file(name).withUnsafeBytes { try ImageCodec().header(of: $0, name: name) }
      #expect(header.channels == channels && header.bits == bits, "\(name)")
      #expect(header.format == (name.hasSuffix("png") ? .png : .jpeg))
    }
  }
}

import CImaging
import SoupData
import SoupTensors
import Testing

@Suite struct CorruptionTests {
  /// A picture with edges, colours and greys.
  private static func picture(_ height: Int, _ width: Int) -> PixelImage {
    PixelImage(width: width, height: height) { pixels in
      for y in 0..<height {
        for x in 0..<width {
          let i = 3 * (y * width + x)
          pixels[i] = UInt8((x * 255) / width)
          pixels[i + 1] = UInt8((y * 255) / height)
          pixels[i + 2] = (x / 5 + y / 7) % 2 == 0 ? 200 : 40
        }
      }
    }
  }

  @Test(arguments: CorruptionKind.allCases)
  func theSameSeedAndIndexGiveTheSameBytes(_ kind: CorruptionKind) throws {
    for severity in [1, 5] {
      let corruption = try Corruption(kind, severity: severity)
      var first = Self.picture(40, 52)
      var second = first
      try corruption.apply(to: &first, seed: 7, index: 3)
      try corruption.apply(to: &second, seed: 7, index: 3)
      let isSame = first == second
      #expect(isSame)
      let isClean = first == Self.picture(40, 52)
      if severity == 5 { #expect(!isClean) }
      guard !kind.isDeterministic else { continue }
      var other = Self.picture(40, 52)
      try corruption.apply(to: &other, seed: 7, index: 4)
      let isOfImage = other != first
      #expect(isOfImage)
      other = Self.picture(40, 52)
      try corruption.apply(to: &other, seed: 8, index: 3)
      let isOfSeed = other != first
      #expect(isOfSeed)
    }
  }

  @Test(arguments: CorruptionKind.allCases)
  func imagesOfAnySizeAreCorrupted(_ kind: CorruptionKind) throws {
    for (height, width) in [(1, 1), (2, 3), (7, 5), (33, 70)] {
      for table in CorruptionTable.allCases {
        for severity in 1...5 {
          var image = Self.picture(height, width)
          try Corruption(kind, severity: severity, table: table).apply(to: &image, seed: 0, index: 0)
        }
      }
    }
  }

  @Test(arguments: CorruptionKind.allCases)
  func deterministicCorruptionsAskForNoRandomNumbers(_ kind: CorruptionKind) throws {
    var one = Self.picture(64, 64)
    var two = one
    let corruption = try Corruption(kind, severity: 4)
    try corruption.apply(to: &one, seed: 1, index: 1)
    try corruption.apply(to: &two, seed: 2, index: 9)
    let isSame = one == two
    #expect(isSame == kind.isDeterministic)
  }

  @Test func greyImagesStayOneChannel() throws {
    for kind in CorruptionKind.allCases {
      var grey = (0..<32 * 32).map { UInt8(truncatingIfNeeded: $0 * 7 / 32) }
      let before = grey
      try grey.withUnsafeMutableBufferPointer {
        try Corruption(kind, severity: 5).apply(to: $0, height: 32, width: 32, channels: 1, seed: 0, index: 0)
      }
      #expect(grey != before, "\(kind)")
    }
  }

  @Test func greyIsCorruptedAsThreeEqualChannelsAre() throws {
    let before = (0..<32 * 32).map { UInt8(truncatingIfNeeded: $0 / 4) }
    var grey = before
    var colour = PixelImage(width: 32, height: 32, pixels: before.flatMap { [$0, $0, $0] })
    let fog = try Corruption(.fog, severity: 3)
    try fog.apply(to: &colour, seed: 1, index: 2)
    try grey.withUnsafeMutableBufferPointer {
      try fog.apply(to: $0, height: 32, width: 32, channels: 1, seed: 1, index: 2)
    }
    #expect(grey == stride(from: 0, to: colour.pixels.count, by: 3).map { colour.pixels[$0] })
  }

  @Test func aSeverityOutsideOneToFiveIsRefused() {
    for severity in [-1, 0, 6] {
      #expect(throws: DataError.self) { try Corruption(.fog, severity: severity) }
    }
  }

  @Test func suitesHaveThePublishedNames() {
    #expect(CorruptionSuite.imagenetC.kinds.count == 15)
    #expect(
      CorruptionSuite.imagenetCExtra.kinds.map(\.rawValue) == ["speckle_noise", "gaussian_blur", "spatter", "saturate"])
    #expect(Set(CorruptionSuite.cifarC.kinds).count == 19)
    #expect(CorruptionSuite.laionC.kinds.count == 6)
    #expect(
      CorruptionSuite.imagenetC.kinds.map(\.rawValue).prefix(3) == ["gaussian_noise", "shot_noise", "impulse_noise"])
  }

  @Test func theTableFollowsTheSize() {
    #expect(CorruptionTable.automatic.resolved(height: 32, width: 32) == .pixels32)
    #expect(CorruptionTable.automatic.resolved(height: 28, width: 400) == .pixels32)
    #expect(CorruptionTable.automatic.resolved(height: 64, width: 64) == .pixels64)
    #expect(CorruptionTable.automatic.resolved(height: 224, width: 300) == .pixels224)
    #expect(CorruptionTable.pixels32.resolved(height: 224, width: 224) == .pixels32)
  }

  @Test func aUniformImageIsUnchangedByBlursAndContrast() throws {
    let kinds: [CorruptionKind] = [
      .gaussianBlur, .defocusBlur, .glassBlur, .motionBlur, .zoomBlur, .pixelate, .contrast, .elasticTransform,
    ]
    for byte: UInt8 in [0, 1, 127, 254, 255] {
      let flat = PixelImage(width: 50, height: 41, pixels: [UInt8](repeating: byte, count: 3 * 50 * 41))
      for kind in kinds {
        for table in [CorruptionTable.pixels224, .pixels32] {
          for severity in 1...5 {
            // The published kernel of these two adds up to a little more than 1, since its smoothing mirrors it at its square.
            if kind == .defocusBlur, table == .pixels224, severity > 3 { continue }
            var image = flat
            try Corruption(kind, severity: severity, table: table).apply(to: &image, seed: 0, index: 1)
            let isSame = image == flat
            #expect(isSame, "\(kind) \(table) \(severity): \(byte) became \(image.pixels[0])")
          }
        }
      }
    }
  }

  @Test func aCorruptedDatasetGivesTheCorruptionOfEachImage() throws {
    let base = try SyntheticCorruptible.dataset(count: 6)
    let corruption = try Corruption(.gaussianNoise, severity: 3)
    let corrupted = try CorruptedDataset(base: base, corruption: corruption, seed: 11)
    #expect(corrupted.count == 6 && corrupted.label(at: 4) == base.label(at: 4))
    for index in [5, 0, 3] {
      var expected = [UInt8](repeating: 0, count: base.pixelCount)
      var found = expected
      try expected.withUnsafeMutableBufferPointer { pixels in
        base.copyPixels(at: index, into: pixels)
        try corruption.apply(to: pixels, height: 8, width: 8, channels: 3, seed: 11, index: index)
      }
      try found.withUnsafeMutableBufferPointer { try corrupted.copyPixels(at: index, into: $0) }
      #expect(found == expected)
    }
  }
}

private enum SyntheticCorruptible {
  static func dataset(count: Int) throws -> MemoryDataset {
    let pixels = HostStorage(count: count * 192) { bytes in
      for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index * 31) }
    }
    return try MemoryDataset(
      name: "synthetic", classNames: ["a", "b"], channels: 3, height: 8, width: 8, pixels: pixels,
      labels: (0..<count).map { $0 % 2 })
  }
}

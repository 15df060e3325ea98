import Foundation
import SoupData
import SoupTensors
import Testing

private func images(_ count: Int = 30, channels: Int = 1, size: Int = 16) throws -> MemoryDataset {
  var random = CounterGenerator(seed: 3)
  let pixels = HostStorage(count: count * size * size * channels) { bytes in
    for i in bytes.indices { bytes[i] = UInt8(random.below(256)) }
  }
  return try MemoryDataset(
    name: "noise", classNames: ["a", "b"], channels: channels, height: size, width: size, pixels: pixels,
    labels: (0..<count).map { $0 % 2 })
}

private func pixels(_ images: any ImageDataset, _ index: Int, _ seed: UInt64? = nil) throws -> [UInt8] {
  var bytes = [UInt8](repeating: 0, count: images.pixelCount)
  try bytes.withUnsafeMutableBufferPointer { buffer in
    if let seed {
      try images.copyPixels(at: index, into: buffer, using: CounterGenerator(seed: seed))
    } else {
      try images.copyPixels(at: index, into: buffer)
    }
  }
  return bytes
}

@Suite("Which images") struct ImageChoiceTests {
  /// Even and odd are disjoint and together everything, by position in the whole part, also where some are held out.
  @Test func evenAndOdd() throws {
    let all = try images()
    let even = try ImageChoice(subset: .even)(all)
    let odd = try ImageChoice.Subset.odd(all)
    #expect(even.count == 15 && odd.count == 15)
    for position in 0..<15 {
      #expect(try pixels(even, position) == pixels(all, 2 * position))
      #expect(try pixels(odd, position) == pixels(all, 2 * position + 1))
    }
    let some = try ImageChoice(subset: .even)(all, allowed: [1, 2, 3, 8, 9])
    #expect(some.count == 2)
    #expect(try pixels(some, 1) == pixels(all, 8))
    #expect(throws: DataError.self) { try ImageChoice(subset: .odd)(all, allowed: [2, 4]) }
  }

  /// An image's corruption is one of those named, fixed by seed and position, with the pixels of an evaluation under it.
  @Test func shiftsEachImageByItsPosition() throws {
    let all = try images()
    let shift = try RandomShift(.cifarC, corruptions: [.contrast, .gaussianNoise, .fog], severities: [5, 2], seed: 7)
    #expect(shift.corruptions == [.gaussianNoise, .fog, .contrast] && shift.severities == [2, 5])
    let shifted = try RandomlyShifted(all, shift)
    var seen: Set<String> = []
    for index in 0..<all.count {
      let corruption = shifted.corruption(at: index)
      seen.insert(corruption.description)
      let expected = try CorruptedDataset(base: all, corruption: corruption, seed: 7)
      let once = try pixels(shifted, index)
      #expect(once == (try pixels(expected, index)))
      #expect(once == (try pixels(shifted, index)), "the second reading comes from memory")
    }
    #expect(seen.count == 6)
    // Of a part of the images, each comes under what it comes under in the whole.
    let odd = try ImageChoice(part: .test, subset: .odd, shift: shift)(all)
    #expect(odd.count == 15)
    #expect(try pixels(odd, 4) == pixels(shifted, 9))
    let other = try RandomShift(.cifarC, corruptions: [.contrast, .fog], seed: 8)
    #expect(try pixels(RandomlyShifted(all, other), 0) != pixels(shifted, 0))
  }

  @Test func refusesWhatASuiteHasNot() throws {
    #expect(throws: DataError.self) { try RandomShift(.laionC, corruptions: [.fog]) }
    #expect(throws: DataError.self) { try RandomShift(.cifarC, corruptions: []) }
    #expect(throws: DataError.self) { try RandomShift(.cifarC, severities: [0]) }
    #expect(throws: DataError.self) { try RandomShift(.cifarC, severities: []) }
  }

  @Test func survivesJSON() throws {
    let choice = try ImageChoice(part: .test, subset: .odd, shift: RandomShift(.imagenetC, severities: [3]))
    #expect(try JSONDecoder().decode(ImageChoice.self, from: JSONEncoder().encode(choice)) == choice)
  }
}

@Suite("Random views of images in memory") struct RandomViewsTests {
  /// A view is a function of its generator; without one the image is itself. Grey images stay grey.
  @Test(arguments: [1, 3]) func viewsAreDrawn(_ channels: Int) throws {
    let all = try images(4, channels: channels)
    let views = try RandomViews(of: all, .threeAugment)
    #expect(views.drawsViews && views.channels == channels)
    #expect(try pixels(views, 1) == pixels(all, 1))
    #expect(try pixels(views, 1, 5) == pixels(views, 1, 5))
    #expect(try pixels(views, 1, 5) != pixels(views, 1, 6))
    #expect(try pixels(views, 1, 5) != pixels(views, 2, 5))
  }

  /// Colours that are equal stay equal: a grey image's view is that of the same image in colour.
  @Test func greyIsColourWithEqualChannels() throws {
    let grey = try images(3)
    let coloured = HostStorage(count: 3 * 3 * 256) { bytes in
      for index in 0..<3 {
        let values = (try? pixels(grey, index)) ?? []
        for (place, value) in values.enumerated() {
          for c in 0..<3 { bytes[(index * 256 + place) * 3 + c] = value }
        }
      }
    }
    let colour = try MemoryDataset(
      name: "colour", classNames: ["a", "b"], channels: 3, height: 16, width: 16, pixels: coloured, labels: [0, 1, 0])
    for seed: UInt64 in 0..<6 {
      let one = try pixels(RandomViews(of: grey, .threeAugment), 1, seed)
      let three = try pixels(RandomViews(of: colour, .threeAugment), 1, seed)
      for place in 0..<256 { #expect(abs(Int(one[place]) - Int(three[3 * place + 1])) <= 1) }
    }
  }

  @Test func refusesViewsOfAnotherSize() throws {
    #expect(throws: DataError.self) {
      try RandomViews(of: images(2), TrainingView.flip.transforms(size: 8, shorter: 8))
    }
  }
}

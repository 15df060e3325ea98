import SoupTensors

/// Which images of a data set are meant: one of its parts, all or every second of them, as they are or under a shift.
public struct ImageChoice: Codable, Sendable, Hashable {
  /// Every second image by its position in the part, from 0: what is trained on and what is evaluated on stay apart.
  public enum Subset: String, Codable, Sendable, Hashable, CaseIterable {
    case all, even, odd
  }

  public var part: DatasetSpecification.Part
  public var subset: Subset
  /// nil for the images as they are.
  public var shift: RandomShift?

  public init(part: DatasetSpecification.Part = .train, subset: Subset = .all, shift: RandomShift? = nil) {
    self.part = part
    self.subset = subset
    self.shift = shift
  }

  /// The chosen images of an opened part.
  /// - Parameters:
  ///   - images: the whole part.
  ///   - allowed: positions to choose from, as those that are not held out; nil for all.
  ///   - bank: pictures for frost, mosaic and stickers.
  /// - Throws: `DataError.invalidRequest` if no image is left, or for images that cannot be corrupted.
  public func callAsFunction(
    _ images: any ImageDataset, allowed: [Int]? = nil, bank: TextureBank? = nil
  ) throws(DataError) -> any ImageDataset {
    // Positions in the whole part decide, whatever else is left out.
    var chosen: any ImageDataset = images
    if let shift { chosen = try RandomlyShifted(images, shift, bank: bank) }
    if subset == .all, allowed == nil { return chosen }
    let positions = (allowed ?? Array(0..<images.count)).filter(subset.contains)
    guard !positions.isEmpty else {
      throw DataError(.invalidRequest, "\(images.name) has no \(subset.rawValue) images to choose")
    }
    return try SoupData.Subset(
      of: chosen, indices: positions, name: subset == .all ? chosen.name : "\(chosen.name), \(subset.rawValue)")
  }
}

extension ImageChoice.Subset {
  /// Whether the image at that position is chosen.
  public func contains(_ position: Int) -> Bool {
    switch self {
    case .all: true
    case .even: position.isMultiple(of: 2)
    case .odd: !position.isMultiple(of: 2)
    }
  }

  /// The chosen images of a data set.
  /// - Throws: `DataError.invalidRequest` if there is none.
  public func callAsFunction(_ images: any ImageDataset) throws(DataError) -> any ImageDataset {
    try ImageChoice(subset: self)(images)
  }
}

/// Which corruption each image comes under when a mixture of them is trained on: one of some kinds at one of some severities, by
/// a seed and the image's position.
public struct RandomShift: Codable, Sendable, Hashable {
  public var suite: CorruptionSuite
  /// Some of the suite's, in its order.
  public var corruptions: [CorruptionKind]
  /// 1 to 5, ascending.
  public var severities: [Int]
  public var seed: UInt64

  /// - Parameters:
  ///   - corruptions: nil for all of the suite.
  /// - Throws: `DataError.invalidRequest` for a corruption that the suite has not, a severity outside 1…5, or none of either.
  public init(
    _ suite: CorruptionSuite, corruptions: [CorruptionKind]? = nil, severities: [Int] = Array(1...5), seed: UInt64 = 0
  ) throws(DataError) {
    let asked = corruptions ?? suite.kinds
    let foreign = asked.filter { !suite.kinds.contains($0) }
    guard foreign.isEmpty, !asked.isEmpty else {
      throw DataError(
        .invalidRequest, "\(suite.rawValue) has no \(foreign.map(\.rawValue).joined(separator: ", "))",
        expected: suite.kinds.map(\.rawValue).joined(separator: ", "))
    }
    guard !severities.isEmpty, severities.allSatisfy((1...5).contains) else {
      throw DataError(
        .invalidRequest, "corruptions have severities", expected: "1 to 5",
        found: severities.map(String.init).joined(separator: ", "))
    }
    self.suite = suite
    self.corruptions = suite.kinds.filter(asked.contains)
    self.severities = Set(severities).sorted()
    self.seed = seed
  }

  /// What the image at that position comes under; `corruptions[kind]` at `severities[severity]`.
  func choice(at index: Int) -> (kind: Int, severity: Int) {
    var generator = CounterGenerator(seed: seed).derived("shift").derived(UInt64(index))
    return (generator.below(corruptions.count), generator.below(severities.count))
  }
}

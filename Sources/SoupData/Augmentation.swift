/// A random change of a training image. Whatever the order in a list, an image is cropped, then flipped, then erased.
///
/// As text, for the command line: `crop=4`, `crop=4:reflect`, `flip`, `flip=0.5`, `erase=0.25`, `cutout=8`, joined by commas.
public enum Augmentation: Sendable, Hashable {
  public enum Padding: String, Codable, Sendable, Hashable, CaseIterable {
    /// Black pixels, as in torchvision's `RandomCrop(padding:)`: byte 0, before normalization.
    case zero
    /// The image mirrored at its border pixels, which are not repeated: `reflect` in NumPy and torchvision.
    case reflect
  }

  /// Pads every side by `padding` pixels, then cuts out the image's own size at a uniformly random place.
  case crop(padding: Int, mode: Padding = .zero)
  /// Mirrors left and right with this probability.
  case flip(probability: Double = 0.5)
  /// With this probability sets a random rectangle to the mean colour: 2% to 33% of the area, sides at 0.3 to 3.3.
  /// - Source: Zhong et al., 2017, arXiv:1708.04896, with torchvision's `RandomErasing` defaults.
  case erase(probability: Double)
  /// Sets a square of `side` pixels to the mean colour; its centre is uniform over the image, so part may fall outside.
  /// - Source: DeVries and Taylor, 2017, arXiv:1708.04552.
  case cutout(side: Int)

  /// Reads one augmentation: `crop=4:reflect`.
  /// - Throws: `DataError.invalidRequest`.
  public init(parsing text: String) throws(DataError) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let value = parts.count == 2 ? parts[1] : nil
    switch parts[0] {
    case "crop":
      let words = (value ?? "").split(separator: ":", omittingEmptySubsequences: false)
      if let padding = words.first.flatMap({ Int($0) }), words.count <= 2,
        let mode = words.count == 2 ? Padding(rawValue: String(words[1])) : .zero
      {
        self = .crop(padding: padding, mode: mode)
        return
      }
    case "flip":
      if let probability = value.map({ Double($0) }) ?? 0.5 {
        self = .flip(probability: probability)
        return
      }
    case "erase":
      if let probability = value.flatMap({ Double($0) }) {
        self = .erase(probability: probability)
        return
      }
    case "cutout":
      if let side = value.flatMap({ Int($0) }) {
        self = .cutout(side: side)
        return
      }
    default: break
    }
    throw DataError(
      .invalidRequest, "no augmentation is written '\(text)'",
      expected: "crop=4, crop=4:reflect, flip, flip=0.5, erase=0.25 or cutout=8, or several joined by commas")
  }

  /// Reads a list: `crop=4,flip`; nothing, or `none`, is the empty list.
  public static func list(parsing text: String) throws(DataError) -> [Augmentation] {
    if text.isEmpty || text == "none" { return [] }
    var list: [Augmentation] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      list.append(try Augmentation(parsing: String(part)))
    }
    return list
  }
}

extension Augmentation: CustomStringConvertible {
  /// What `init(parsing:)` reads back.
  public var description: String {
    switch self {
    case .crop(let padding, .zero): "crop=\(padding)"
    case .crop(let padding, let mode): "crop=\(padding):\(mode.rawValue)"
    case .flip(let probability): probability == 0.5 ? "flip" : "flip=\(probability)"
    case .erase(let probability): "erase=\(probability)"
    case .cutout(let side): "cutout=\(side)"
    }
  }
}

/// Stored as the text that people write, `"crop=4:reflect"`.
extension Augmentation: Codable {
  public init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    do {
      try self.init(parsing: text)
    } catch {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: error.description))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

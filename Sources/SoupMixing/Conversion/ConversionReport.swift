/// What a conversion did, and what it lost.
public struct ConversionReport: Codable, Sendable, Equatable {
  /// What became of one tensor's values.
  public struct Loss: Codable, Sendable, Equatable {
    public let tensor: String
    public let from: String
    public let to: String
    public let elements: Int
    /// Values that are not what they were: rounded, or one of the two below.
    public internal(set) var changed: Int
    /// Finite values that are too large for the new dtype: infinite now, or 448 in float8_e4m3fn, which has no infinity.
    public internal(set) var overflowed: Int
    /// Values that were not zero and are now.
    public internal(set) var vanished: Int
  }

  /// Paths of the files with tensors, and of their index.
  public internal(set) var files: [String]
  public internal(set) var tensors: Int
  public internal(set) var elements: Int
  /// Bytes of the input's tensors.
  public internal(set) var inputBytes: Int
  /// Size of the output in bytes, with headers and index.
  public internal(set) var outputBytes: Int
  /// Bytes that an earlier process, which was killed, had already written.
  public internal(set) var continuedBytes: Int
  /// Elements of tensors that have a new dtype.
  public internal(set) var convertedElements: Int
  public internal(set) var seconds: Double
  public internal(set) var threads: Int
  /// Tensors with values that changed, in file order.
  public internal(set) var losses: [Loss]

  /// What was lost, in sentences with counts.
  public var warnings: [String] {
    func names(_ count: (Loss) -> Int) -> String {
      let found = losses.filter { count($0) > 0 }
      return found.prefix(10).map { "\($0.tensor) (\(count($0)))" }.joined(separator: ", ")
        + (found.count > 10 ? " and \(found.count - 10) more tensors" : "")
    }
    func total(_ count: (Loss) -> Int) -> Int { losses.reduce(0) { $0 + count($1) } }
    var warnings: [String] = []
    let (changed, overflowed, vanished) = (total(\.changed), total(\.overflowed), total(\.vanished))
    if overflowed > 0 {
      warnings.append("\(overflowed) values are too large for the new dtype: \(names(\.overflowed))")
    }
    if vanished > 0 { warnings.append("\(vanished) values became 0: \(names(\.vanished))") }
    if changed > overflowed + vanished {
      warnings.append(
        "\(changed - overflowed - vanished) of \(convertedElements) converted values were rounded, in "
          + "\(losses.count) tensor\(losses.count == 1 ? "" : "s")")
    }
    return warnings
  }
}

import Foundation

/// A run's log, one JSON object a line: `{"epoch":1,"event":"train","learning_rate":0.1,"loss":0.53,"step":200}`.
///
/// Events are `start`, `resume`, `train` (means since the last such line), `held-out`, `swa` and `lawa` (an average that was
/// written, and its held-out score) and `end`. Keys are sorted, numbers
/// are plain JSON, and a value that is not finite is written as null.
public final class TrainingLog {
  private let file: AppendFile

  /// Opens or creates the log.
  /// - Parameter keeping: bytes of an existing log to continue after; nil starts anew.
  public init(path: String, keeping: UInt64? = nil) throws {
    file = try AppendFile(path: path, keeping: keeping)
  }

  public var path: String { file.path }
  /// Bytes in the file: what `keeping` takes on resuming.
  public var byteCount: UInt64 { file.byteCount }

  public func write(event: String, _ values: [String: Double]) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var line = try encoder.encode(Line(event: event, values: values))
    line.append(UInt8(ascii: "\n"))
    try file.append(line)
  }

  public func synchronize() throws { try file.synchronize() }

  private struct Line: Encodable {
    let event: String
    let values: [String: Double]

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: Key.self)
      try container.encode(event, forKey: Key("event"))
      for (name, value) in values {
        if !value.isFinite {
          try container.encodeNil(forKey: Key(name))
        } else if let whole = Int(exactly: value) {
          try container.encode(whole, forKey: Key(name))
        } else {
          try container.encode(value, forKey: Key(name))
        }
      }
    }
  }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}

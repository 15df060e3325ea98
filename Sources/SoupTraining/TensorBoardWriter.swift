import Foundation

/// Writes scalars as a TensorBoard event file: TFRecords, each one a protobuf `Event`.
///
/// A record is `length (u64) · masked CRC-32C of the length · data · masked CRC-32C of the data`, little-endian.
/// - Source: TensorFlow `core/lib/io/record_writer.cc`, `core/util/event.proto`, `core/framework/summary.proto`.
public final class TensorBoardWriter {
  private let file: AppendFile

  /// The name of the event file inside a run's folder. TensorBoard only looks for `tfevents` in it; it is fixed, so that
  /// a resumed run continues the same file.
  public static let fileName = "events.out.tfevents.soup"

  /// Opens or creates the event file of `folder`.
  /// - Parameter keeping: bytes of an existing file to continue after; nil starts anew.
  public init(folder: String, keeping: UInt64? = nil, now: Date = Date()) throws {
    file = try AppendFile(path: folder + "/" + Self.fileName, keeping: keeping)
    if file.byteCount == 0 {
      try append(Self.event(wallTime: now.timeIntervalSince1970, step: 0, scalars: [], version: "brain.Event:2"))
    }
  }

  /// Bytes in the file: what `keeping` takes on resuming.
  public var byteCount: UInt64 { file.byteCount }

  /// Appends one event with all `scalars` of a step.
  public func write(_ scalars: [(tag: String, value: Double)], step: Int, at time: Date = Date()) throws {
    try append(Self.event(wallTime: time.timeIntervalSince1970, step: step, scalars: scalars, version: nil))
  }

  public func synchronize() throws { try file.synchronize() }

  private func append(_ event: [UInt8]) throws {
    let length = Self.littleEndian(UInt64(event.count))
    var record = length
    record += Self.littleEndian(CRC32C.masked(length))
    record += event
    record += Self.littleEndian(CRC32C.masked(event))
    try file.append(Data(record))
  }

  // Event: 1 double wall_time, 2 int64 step, 3 string file_version, 5 Summary; Summary: 1 repeated Value;
  // Value: 1 string tag, 2 float simple_value.
  private static func event(
    wallTime: Double, step: Int, scalars: [(tag: String, value: Double)], version: String?
  ) -> [UInt8] {
    var event = [UInt8(1 << 3 | 1)] + littleEndian(wallTime.bitPattern)
    // proto3 leaves out a zero.
    if step != 0 { event += [UInt8(2 << 3)] + varint(UInt64(bitPattern: Int64(step))) }
    if let version { event += field(3, Array(version.utf8)) }
    if !scalars.isEmpty {
      event += field(
        5,
        scalars.flatMap { scalar in
          field(
            1,
            field(1, Array(scalar.tag.utf8)) + [UInt8(2 << 3 | 5)] + littleEndian(Float(scalar.value).bitPattern))
        })
    }
    return event
  }

  private static func field(_ number: UInt8, _ payload: [UInt8]) -> [UInt8] {
    [number << 3 | 2] + varint(UInt64(payload.count)) + payload
  }

  private static func varint(_ value: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  private static func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }
}

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Random numbers that another program drew and wrote down, in the order in which it drew them: for showing that two
/// programs build the same corruption.
///
/// Each draw is a record of 64-bit floats, their number before them as a 64-bit integer, all little-endian. Normal numbers
/// are standard, uniform ones in [0, 1).
package struct RecordedRandomness: CorruptionRandomness {
  private var records: [[Double]]

  /// - Throws: `DataError.damaged` if a record is cut off.
  package init(_ bytes: [UInt8]) throws(DataError) {
    records = []
    var at = 0
    func word() -> UInt64 {
      let value = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[at + $1]) << (8 * UInt64($1)) }
      at += 8
      return value
    }
    while at < bytes.count {
      guard at + 8 <= bytes.count else { throw DataError(.damaged, "the random numbers end in a record's size") }
      let size = word()
      guard size <= UInt64(bytes.count - at) / 8 else {
        throw DataError(.damaged, "the random numbers end in a record")
      }
      records.append((0..<Int(size)).map { _ in Double(bitPattern: word()) })
    }
    records.reverse()
  }

  private mutating func take(_ count: Int) -> [Double] {
    guard let record = records.popLast() else { preconditionFailure("more draws than were recorded") }
    precondition(record.count == count, "a draw of \(count) numbers where \(record.count) were recorded")
    return record
  }

  package mutating func normals(mean: Float, deviation: Float, into numbers: UnsafeMutableBufferPointer<Float>) {
    for (index, number) in take(numbers.count).enumerated() { numbers[index] = mean + deviation * Float(number) }
  }

  package mutating func uniforms(from low: Float, to high: Float, into numbers: UnsafeMutableBufferPointer<Float>) {
    for (index, number) in take(numbers.count).enumerated() { numbers[index] = low + (high - low) * Float(number) }
  }

  package mutating func integers(below bound: Int, into numbers: UnsafeMutableBufferPointer<UInt16>) {
    for (index, number) in take(numbers.count).enumerated() { numbers[index] = UInt16(number) }
  }

  package mutating func words(into numbers: UnsafeMutableBufferPointer<UInt32>) -> Bool { false }

  package mutating func uniform(from low: Double, to high: Double) -> Double { low + (high - low) * take(1)[0] }

  package mutating func integer(below bound: Int) -> Int { Int(take(1)[0]) }

  package mutating func poisson(
    means: UnsafeBufferPointer<Double>, into numbers: UnsafeMutableBufferPointer<Int32>
  ) {
    for (index, number) in take(numbers.count).enumerated() { numbers[index] = Int32(number) }
  }
}

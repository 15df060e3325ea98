#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Random numbers that another program drew and wrote down, in the order in which it drew them: for showing that two
/// programs build the same corruption.
///
/// Each draw is a record of 32-bit floats, their number before them as a 32-bit integer, all little-endian. Normal numbers
/// are standard, uniform ones in [0, 1).
package struct RecordedRandomness: CorruptionRandomness {
  private var records: [[Float]]

  /// - Throws: `DataError.damaged` if a record is cut off.
  package init(_ bytes: [UInt8]) throws(DataError) {
    records = []
    var at = 0
    func word() -> UInt32 {
      let value = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << (8 * UInt32($1)) }
      at += 4
      return value
    }
    while at < bytes.count {
      guard at + 4 <= bytes.count else { throw DataError(.damaged, "the random numbers end in a record's size") }
      let size = Int(word())
      guard size <= (bytes.count - at) / 4 else {
        throw DataError(.damaged, "the random numbers end in a record")
      }
      records.append((0..<size).map { _ in Float(bitPattern: word()) })
    }
    records.reverse()
  }

  private mutating func take(_ count: Int) -> [Float] {
    guard let record = records.popLast() else { preconditionFailure("more draws than were recorded") }
    precondition(record.count == count, "a draw of \(count) numbers where \(record.count) were recorded")
    return record
  }

  package mutating func normals(mean: Float, deviation: Float, into numbers: UnsafeMutableBufferPointer<Float>) {
    for (index, number) in take(numbers.count).enumerated() { numbers[index] = mean + deviation * number }
  }

  package mutating func uniforms(from low: Float, to high: Float, into numbers: UnsafeMutableBufferPointer<Float>) {
    for (index, number) in take(numbers.count).enumerated() { numbers[index] = low + (high - low) * number }
  }

  package mutating func integers(below bound: Int, into numbers: UnsafeMutableBufferPointer<UInt16>) {
    for (index, number) in take(numbers.count).enumerated() { numbers[index] = UInt16(number) }
  }

  package mutating func words(into numbers: UnsafeMutableBufferPointer<UInt32>) -> Bool { false }

  package mutating func uniform(from low: Double, to high: Double) -> Double { low + (high - low) * Double(take(1)[0]) }

  package mutating func integer(below bound: Int) -> Int { Int(take(1)[0]) }

  package mutating func poisson(
    means: UnsafeBufferPointer<Double>, into numbers: UnsafeMutableBufferPointer<Int32>
  ) {
    for (index, number) in take(numbers.count).enumerated() { numbers[index] = Int32(number) }
  }
}

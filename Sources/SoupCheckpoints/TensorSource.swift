import SoupTensors

/// Where a tensor's elements are, and what must be done to them to have them in a row, little-endian.
struct TensorSource: Sendable {
  enum Place: Sendable {
    /// In the file, from this byte on.
    case stored(offset: Int)
    /// In a compressed part of the file, from this byte of its expansion on.
    case deflated(DeflatedBytes, offset: Int)
  }

  /// Index among the checkpoint's files.
  var file = 0
  var place: Place
  /// Distance in elements between neighbours of each dimension; nil when elements follow one another.
  var strides: [Int]?
  var isBigEndian = false

  init(_ place: Place, strides: [Int]? = nil, isBigEndian: Bool = false) {
    self.place = place
    self.strides = strides
    self.isBigEndian = isBigEndian
  }

  /// Whether the tensor's bytes are in the file as they are wanted.
  var isPlain: Bool {
    if case .stored = place { return strides == nil && !isBigEndian }
    return false
  }

  /// `strides`, or nil if they only say that elements follow one another.
  static func normalized(strides: [Int], shape: [Int]) -> [Int]? {
    if shape.contains(0) { return nil }
    var expected = 1
    for (stride, size) in zip(strides, shape).reversed() where size != 1 {
      guard stride == expected else { return strides }
      expected = expected.multipliedReportingOverflow(by: size).partialValue
    }
    return nil
  }

  /// Number of elements from the first to the last that a strided tensor touches, both included; nil when it cannot be
  /// counted.
  static func extent(shape: [Int], strides: [Int]) -> Int? {
    guard shape.count == strides.count, (shape + strides).allSatisfy({ $0 >= 0 }) else { return nil }
    if shape.contains(0) { return 0 }
    var last = 0
    for (size, stride) in zip(shape, strides) {
      let (step, overflow) = (size - 1).multipliedReportingOverflow(by: stride)
      let (sum, carry) = last.addingReportingOverflow(step)
      if overflow || carry { return nil }
      last = sum
    }
    return last == Int.max ? nil : last + 1
  }

  /// Copies a run of elements, counted row-major, out of strided storage.
  /// - Parameters:
  ///   - origin: the storage from the tensor's first element on.
  ///   - target: `elements.count * elementSize` bytes.
  static func gather(
    from origin: UnsafeRawBufferPointer, shape: [Int], strides: [Int], elementSize: Int, elements: Range<Int>,
    into target: UnsafeMutableRawBufferPointer
  ) {
    guard !elements.isEmpty, let width = shape.last, let step = strides.last else {
      if !elements.isEmpty { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: origin[..<elementSize])) }
      return
    }
    var index = elements.lowerBound
    var written = 0
    while index < elements.upperBound {
      // One row, or the part of it that is asked for.
      let column = index % width
      let count = min(width - column, elements.upperBound - index)
      var remaining = index / width
      var start = column * step
      for dimension in (0..<shape.count - 1).reversed() {
        start += remaining % shape[dimension] * strides[dimension]
        remaining /= shape[dimension]
      }
      copyRow(
        origin.baseAddress! + start * elementSize, step: step, count: count, elementSize: elementSize,
        to: target.baseAddress! + written)
      written += count * elementSize
      index += count
    }
  }

  private static func copyRow(
    _ source: UnsafeRawPointer, step: Int, count: Int, elementSize: Int, to target: UnsafeMutableRawPointer
  ) {
    func copy<Word: FixedWidthInteger & BitwiseCopyable>(_: Word.Type) {
      for index in 0..<count {
        let word = source.loadUnaligned(fromByteOffset: index * step * elementSize, as: Word.self)
        target.storeBytes(of: word, toByteOffset: index * elementSize, as: Word.self)
      }
    }
    if step == 1 {
      target.copyMemory(from: source, byteCount: count * elementSize)
      return
    }
    switch elementSize {
    case 1: copy(UInt8.self)
    case 2: copy(UInt16.self)
    case 4: copy(UInt32.self)
    default: copy(UInt64.self)
    }
  }

  /// Turns the bytes of every element round.
  static func swap(_ bytes: UnsafeMutableRawBufferPointer, elementSize: Int) {
    func swap<Word: FixedWidthInteger & BitwiseCopyable>(_: Word.Type) {
      for offset in stride(from: 0, to: bytes.count, by: elementSize) {
        let word = bytes.loadUnaligned(fromByteOffset: offset, as: Word.self).byteSwapped
        bytes.storeBytes(of: word, toByteOffset: offset, as: Word.self)
      }
    }
    switch elementSize {
    case 2: swap(UInt16.self)
    case 4: swap(UInt32.self)
    case 8: swap(UInt64.self)
    default: break
    }
  }
}

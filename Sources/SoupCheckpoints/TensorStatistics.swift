import CKernels
import SoupTensors

/// What the values of one stored tensor look like. Minimum, maximum, mean and rms are over the finite values, and nil
/// if there is none.
public struct TensorStatistics: Codable, Sendable, Equatable {
  public let minimum: Double?
  public let maximum: Double?
  public let mean: Double?
  /// Root of the mean square.
  public let rms: Double?
  public let zeroCount: Int
  public let nanCount: Int
  public let infinityCount: Int

  public var nonFiniteCount: Int { nanCount + infinityCount }

  /// Reads one tensor of a checkpoint, a block at a time.
  /// - Throws: `CheckpointError` if the file cannot be read.
  public init(_ entry: TensorInfo, of checkpoint: Checkpoint) throws(CheckpointError) {
    let blockElements = 1 << 16
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: blockElements * entry.dtype.size, alignment: 64)
    defer { memory.deallocate() }
    let level = ck_best_level()
    var sums = ck_statistics_empty()
    for lower in stride(from: 0, to: entry.count, by: blockElements) {
      let elements = lower..<min(lower + blockElements, entry.count)
      try checkpoint.read(entry, elements: elements, into: memory)
      ck_statistics_add(level, entry.dtype.kernelCode, memory.baseAddress, elements.count, &sums)
    }
    self.init(sums)
  }

  /// Describes a tensor in memory.
  public init(_ tensor: HostTensor) {
    var sums = ck_statistics_empty()
    tensor.withUnsafeBytes { bytes in
      ck_statistics_add(ck_best_level(), tensor.dtype.kernelCode, bytes.baseAddress, tensor.count, &sums)
    }
    self.init(sums)
  }

  private init(_ sums: ck_statistics) {
    let count = Double(sums.finite)
    let isEmpty = sums.finite == 0
    minimum = isEmpty ? nil : sums.minimum
    maximum = isEmpty ? nil : sums.maximum
    mean = isEmpty ? nil : sums.sum / count
    rms = isEmpty ? nil : (sums.sum_of_squares / count).squareRoot()
    zeroCount = sums.zeros
    nanCount = sums.nans
    infinityCount = sums.infinities
  }
}

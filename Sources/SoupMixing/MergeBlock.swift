import CKernels
import SoupCheckpoints
import SoupTensors

/// A run of elements of one parameter: the stored elements of every ingredient, and room for the soup's.
///
/// Ingredients are read when a method first asks for them, so that one with weight 0 costs nothing. A block belongs to
/// one thread and is used again for the next run.
public final class MergeBlock {
  /// The parameter's name.
  public internal(set) var parameter = ""
  /// Which elements of the parameter, counted row-major.
  public internal(set) var elements = 0..<0
  /// Number of ingredients.
  public let ingredientCount: Int
  /// How many elements of the output are NaN, infinite, or were too large for its dtype.
  public internal(set) var nonFiniteOutputCount = 0

  private let sources: [Checkpoint]
  private let level: ck_level
  private let memory: UnsafeMutableRawBufferPointer
  private let slotSize: Int
  private var entries: [TensorInfo] = []
  private var isLoaded: [Bool]
  private var output: UnsafeMutableRawBufferPointer
  private var outputDType = DType.float32

  /// - Parameter capacity: bytes of one ingredient in one block.
  init(sources: [Checkpoint], capacity: Int, level: ck_level) {
    self.sources = sources
    self.level = level
    ingredientCount = sources.count
    slotSize = (capacity + 63) / 64 * 64
    // One slot per ingredient and one for the output.
    memory = .allocate(byteCount: slotSize * (sources.count + 1), alignment: 4096)
    isLoaded = Array(repeating: false, count: sources.count)
    output = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  }

  deinit { memory.deallocate() }

  /// Points the block at another run of elements.
  /// - Parameter destination: where the output goes; nil for the block's own slot.
  func move(
    to elements: Range<Int>, of entries: [TensorInfo], outputDType: DType, destination: UnsafeMutableRawBufferPointer?
  ) {
    self.entries = entries
    self.elements = elements
    self.outputDType = outputDType
    parameter = entries[0].name
    nonFiniteOutputCount = 0
    for index in isLoaded.indices { isLoaded[index] = false }
    output = destination ?? slot(ingredientCount, byteCount: elements.count * outputDType.size)
  }

  /// The stored elements of one ingredient, read now if they were not.
  func stored(_ ingredient: Int) throws -> UnsafeRawBufferPointer {
    let entry = entries[ingredient]
    let target = slot(ingredient, byteCount: elements.count * entry.dtype.size)
    if !isLoaded[ingredient] {
      try sources[ingredient].read(entry, elements: elements, into: target)
      isLoaded[ingredient] = true
    }
    return UnsafeRawBufferPointer(target)
  }

  /// Output: `(Σᵢ coefficientsᵢ · θᵢ) / divisor`, summed in order in Float64, or twice that precision for Float64
  /// tensors, and rounded once. Ingredients with coefficient 0 are not read.
  /// - Parameter coefficients: one per ingredient.
  public func setWeightedSum(_ coefficients: [Double], divisor: Double = 1) throws {
    precondition(coefficients.count == ingredientCount, "one coefficient per ingredient")
    let used = coefficients.indices.filter { coefficients[$0] != 0 }
    if used.count == 1, coefficients[used[0]] == divisor, entries[used[0]].dtype == outputDType {
      output.copyMemory(from: try stored(used[0]))
      nonFiniteOutputCount = nonFiniteCount(of: UnsafeRawBufferPointer(output), dtype: outputDType)
      return
    }
    let pointers = try used.map { try stored($0).baseAddress }
    let dtypes = used.map { entries[$0].dtype.kernelCode }
    let weights = used.map { coefficients[$0] }
    nonFiniteOutputCount = ck_weighted_sum(
      level, used.count, pointers, dtypes, weights, divisor, output.baseAddress, outputDType.kernelCode, elements.count)
  }

  /// Output: a copy of one ingredient's stored elements, for tensors that are not mixed.
  func copy(_ ingredient: Int) throws { output.copyMemory(from: try stored(ingredient)) }

  /// Whether any ingredient's stored elements differ from those of the given one.
  func differs(from ingredient: Int) throws -> Bool {
    let expected = try stored(ingredient)
    for other in 0..<ingredientCount where other != ingredient {
      if try !stored(other).elementsEqual(expected) { return true }
    }
    return false
  }

  /// The finished output.
  var result: UnsafeRawBufferPointer { UnsafeRawBufferPointer(output) }

  /// How many of an ingredient's elements are infinite or NaN; 0 if the method did not read it.
  func nonFiniteCount(_ ingredient: Int) throws -> Int {
    guard isLoaded[ingredient] else { return 0 }
    return nonFiniteCount(of: try stored(ingredient), dtype: entries[ingredient].dtype)
  }

  private func nonFiniteCount(of bytes: UnsafeRawBufferPointer, dtype: DType) -> Int {
    var statistics = ck_statistics_empty()
    ck_statistics_add(level, dtype.kernelCode, bytes.baseAddress, bytes.count / dtype.size, &statistics)
    return statistics.nans + statistics.infinities
  }

  private func slot(_ index: Int, byteCount: Int) -> UnsafeMutableRawBufferPointer {
    let start = index * slotSize
    return UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + byteCount])
  }
}

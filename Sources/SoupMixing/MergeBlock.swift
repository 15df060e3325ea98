import CKernels
import SoupCheckpoints
import SoupTensors

/// A run of elements of one parameter: the stored elements of every ingredient, and room for the soup's.
///
/// Ingredients are read when a method first asks for them, so that one with weight 0 costs nothing. A block belongs to
/// one thread and is used again for the next run.
public final class MergeBlock {
  /// The parameter's name.
  public private(set) var parameter = ""
  /// Which elements of the parameter, counted row-major.
  public private(set) var elements = 0..<0
  /// How many elements of the output are NaN, infinite, or were too large for its dtype.
  public private(set) var nonFiniteOutputCount = 0
  /// Number of ingredients that this parameter is mixed from.
  public var ingredientCount: Int { sources.count }

  let level: ck_level
  private let checkpoints: [Checkpoint]
  private let limit: Int
  private let isMapped: Bool
  private var work: WorkMemory
  private var memory: UnsafeMutableRawBufferPointer { work.bytes }
  private var slotSize: Int
  private var slotCount: Int
  private var sources: [MixPlan.Source] = []
  private var isLoaded: [Bool] = []
  private var output = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var outputDType = DType.float32
  private var scratch: [Vector] = []
  private var singleScratch: [SingleVector] = []

  /// - Parameters:
  ///   - ingredients: how many the block makes room for at once; more are possible.
  ///   - capacity: bytes of one ingredient in one block; more are possible.
  ///   - limit: bytes of one allocation above which a temporary file backs it.
  ///   - isMapped: whether ingredients are used where they are mapped, without a copy.
  init(
    checkpoints: [Checkpoint], ingredients: Int, capacity: Int, limit: Int, isMapped: Bool, level: ck_level
  ) {
    self.limit = limit
    self.isMapped = isMapped
    self.checkpoints = checkpoints
    self.level = level
    slotSize = (capacity + 63) / 64 * 64
    // One slot per ingredient and one for the output.
    slotCount = ingredients + 1
    work = WorkMemory(byteCount: slotSize * slotCount, limit: limit)
  }

  deinit {
    for vector in scratch { UnsafeMutableRawPointer(vector).deallocate() }
    for vector in singleScratch { UnsafeMutableRawPointer(vector).deallocate() }
  }

  /// Points the block at another run of elements.
  /// - Parameter destination: where the output goes; nil for the block's own slot.
  func move(
    to elements: Range<Int>, of sources: [MixPlan.Source], output: TensorInfo,
    destination: UnsafeMutableRawBufferPointer?
  ) {
    // After a survey of a small tensor its elements are still here.
    if elements != self.elements || sources != self.sources {
      self.sources = sources
      self.elements = elements
      isLoaded = Array(repeating: false, count: sources.count)
      let widest = sources.reduce(output.dtype.size) { max($0, $1.info.dtype.size) }
      grow(slots: sources.count + 1, size: widest * elements.count)
    }
    outputDType = output.dtype
    parameter = output.name
    nonFiniteOutputCount = 0
    self.output = destination ?? slot(sources.count, byteCount: elements.count * outputDType.size)
  }

  private func grow(slots: Int, size: Int) {
    guard slots > slotCount || size > slotSize else { return }
    slotSize = max(slotSize, (size + 63) / 64 * 64)
    slotCount = max(slotCount, slots)
    work = WorkMemory(byteCount: slotSize * slotCount, limit: limit)
  }

  /// The stored elements of one ingredient, read now if they were not.
  func stored(_ ingredient: Int) throws -> UnsafeRawBufferPointer {
    let source = sources[ingredient]
    if isMapped, let bytes = checkpoints[source.checkpoint].mappedBytes(source.info, elements: elements) {
      isLoaded[ingredient] = true
      return bytes
    }
    let target = slot(ingredient, byteCount: elements.count * source.info.dtype.size)
    if !isLoaded[ingredient] {
      try checkpoints[source.checkpoint].read(source.info, elements: elements, into: target)
      isLoaded[ingredient] = true
    }
    return UnsafeRawBufferPointer(target)
  }

  /// Output: `(Σᵢ coefficientsᵢ · θᵢ) / divisor`, summed in order in Float64, or twice that precision for Float64
  /// tensors, and rounded once. Ingredients with coefficient 0 are not read.
  /// - Parameter coefficients: one for each ingredient; those left out at the end are 0.
  public func setWeightedSum(_ coefficients: [Double], divisor: Double = 1) throws {
    precondition(coefficients.count <= ingredientCount, "one coefficient per ingredient")
    let used = coefficients.indices.filter { coefficients[$0] != 0 }
    if used.count == 1, coefficients[used[0]] == divisor, sources[used[0]].info.dtype == outputDType {
      output.copyMemory(from: try stored(used[0]))
      nonFiniteOutputCount = nonFiniteCount(of: UnsafeRawBufferPointer(output), dtype: outputDType)
      return
    }
    let pointers = try used.map { try stored($0).baseAddress }
    let dtypes = used.map { sources[$0].info.dtype.kernelCode }
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

  /// All of the block's memory, for reading something else; what was in it is forgotten.
  var memoryForReading: UnsafeMutableRawBufferPointer {
    for index in isLoaded.indices { isLoaded[index] = false }
    return memory
  }

  /// Memory for the work of a method on this block, such as the ranks of a row.
  func allocate(byteCount: Int) -> WorkMemory { WorkMemory(byteCount: byteCount, limit: limit) }

  /// The finished output.
  var result: UnsafeRawBufferPointer { UnsafeRawBufferPointer(output) }

  /// Which of the plan's checkpoints an ingredient of this block is from.
  func checkpoint(of ingredient: Int) -> Int { sources[ingredient].checkpoint }

  /// How many of an ingredient's elements are infinite or NaN; 0 if the method did not read it.
  func nonFiniteCount(_ ingredient: Int) throws -> Int {
    guard isLoaded[ingredient] else { return 0 }
    return nonFiniteCount(of: try stored(ingredient), dtype: sources[ingredient].info.dtype)
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

// MARK: - Vectors of Float64

/// `MergeBlock.chunkLength` numbers in a core's first-level cache.
public typealias Vector = UnsafeMutablePointer<Double>
/// The same of Float32, and sixteen more.
public typealias SingleVector = UnsafeMutablePointer<Float>

extension MergeBlock {
  /// Elements of one chunk.
  public static let chunkLength = 1024

  /// Calls `body` for every chunk of the block in order: its elements, counted from the block's first, at most
  /// `chunkLength` of them.
  public func forEachChunk(_ body: (Range<Int>) throws -> Void) rethrows {
    for start in stride(from: 0, to: elements.count, by: Self.chunkLength) {
      try body(start..<min(start + Self.chunkLength, elements.count))
    }
  }

  /// Vectors to compute with, whose values are left over from earlier use.
  public func vectors(_ count: Int) -> [Vector] {
    while scratch.count < count { scratch.append(Self.vector(of: Double.self)) }
    return Array(scratch[..<count])
  }

  /// Vectors of Float32, apart from those of `vectors`.
  public func singleVectors(_ count: Int) -> [SingleVector] {
    while singleScratch.count < count { singleScratch.append(Self.vector(of: Float.self)) }
    return Array(singleScratch[..<count])
  }

  /// A vector that begins at a line of the cache and is not a multiple of a page from the next one.
  private static func vector<Number>(of type: Number.Type) -> UnsafeMutablePointer<Number> {
    let count = chunkLength + 16
    return UnsafeMutableRawPointer.allocate(byteCount: count * MemoryLayout<Number>.stride, alignment: 64)
      .bindMemory(to: Number.self, capacity: count)
  }

  /// An ingredient's elements as Float32, for tensors that are not wide.
  public func loadSingles(_ ingredient: Int, _ chunk: Range<Int>, into vector: SingleVector) throws {
    let (dtype, start) = try storedElements(ingredient, from: chunk.lowerBound)
    ck_load_f32(level, dtype, start, vector, chunk.count)
  }

  /// An ingredient's elements less the base's, rounded to Float32, for tensors that are not wide.
  public func loadSingleDifference(
    _ ingredient: Int, _ chunk: Range<Int>, base: SingleVector, into vector: SingleVector
  ) throws {
    let (dtype, start) = try storedElements(ingredient, from: chunk.lowerBound)
    ck_differences(level, dtype, start, base, vector, chunk.count)
  }

  /// Where an ingredient's elements are stored, from one of the block on.
  func storedElements(_ ingredient: Int, from element: Int = 0) throws -> (dtype: ck_dtype, UnsafeRawPointer?) {
    let dtype = sources[ingredient].info.dtype
    return (dtype.kernelCode, try stored(ingredient).baseAddress.map { $0 + element * dtype.size })
  }

  /// Output: the base and what `ck_merge_elected` adds to it, for tensors that are not wide.
  func setElected(_ terms: [ck_term], base: Int, scale: Double, normalizes: Bool) throws {
    let (dtype, start) = try storedElements(base)
    nonFiniteOutputCount = ck_merge_elected(
      level, terms, terms.count, dtype, start, scale, normalizes ? 1 : 0, outputDType.kernelCode, output.baseAddress,
      elements.count)
  }

  /// An ingredient's elements as Float64.
  public func load(_ ingredient: Int, _ chunk: Range<Int>, into vector: Vector) throws {
    let (dtype, start) = try storedElements(ingredient, from: chunk.lowerBound)
    ck_load(level, dtype, start, vector, chunk.count)
  }

  /// An ingredient's elements less the base's: `θᵢ − θ₀`.
  /// - Parameters:
  ///   - base: the base's elements.
  ///   - isWide: keep Float64, instead of rounding to Float32.
  public func loadDifference(
    _ ingredient: Int, _ chunk: Range<Int>, base: Vector, isWide: Bool, into vector: Vector
  ) throws {
    try load(ingredient, chunk, into: vector)
    ck_subtract(level, vector, base, isWide ? 0 : 1, chunk.count)
  }

  /// Output: the vector's values times `scale`, rounded once.
  public func store(_ vector: Vector, _ chunk: Range<Int>, scale: Double = 1) {
    let target = output.baseAddress.map { $0 + chunk.lowerBound * outputDType.size }
    nonFiniteOutputCount += ck_store(level, outputDType.kernelCode, vector, scale, target, chunk.count)
  }
}

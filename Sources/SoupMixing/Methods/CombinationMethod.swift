import CKernels
import SoupTensors

/// A method whose result is a combination of the ingredients' vectors, `Σᵢ cᵢ vᵢ`, where the coefficients depend only on
/// the vectors' lengths and angles.
///
/// Vectors are whole tensors, or the rows or columns of each. With a base they are differences, `vᵢ = θᵢ − θ₀`, and the
/// result is added to the base. Everything the formula does to vectors (normalise, rotate, iterate) is done on
/// coefficients, so that the weights are read twice however many iterations there are.
public protocol CombinationMethod: MergeMethod {
  /// The ingredients whose vectors are combined.
  var members: [Int] { get }
  /// The ingredient that is subtracted first.
  var base: Int? { get }
  /// What the vectors of a tensor are.
  var extent: VectorExtent { get }

  /// - Parameter products: the dot products of the members' vectors.
  /// - Returns: one coefficient for each member.
  func coefficients(_ products: Products) -> [Double]
}

/// Which elements of a tensor make one vector.
public enum VectorExtent: String, Codable, Sendable, Hashable {
  /// All of them.
  case tensor
  /// Those along the last axis. A tensor of one axis is one vector.
  case rows
  /// Those along the first axis.
  case columns
}

extension CombinationMethod {
  public var primaryIngredient: Int { base ?? members.first ?? 0 }
  public var extent: VectorExtent { .tensor }

  public func rowLength(of tensor: MergeTensor) -> Int {
    extent == .rows && tensor.shape.count > 1 ? tensor.shape.last ?? 1 : 1
  }

  public func merger(for tensor: MergeTensor) throws -> any TensorMerger {
    let columns = tensor.shape.dropFirst().reduce(1, *)
    switch extent {
    case .rows where tensor.shape.count > 1 && rowLength(of: tensor) > 0:
      return RowCombination(method: self, length: rowLength(of: tensor), isWide: tensor.isWide)
    case .columns where columns > 1:
      return ColumnCombination(method: self, width: columns, isWide: tensor.isWide)
    default:
      return TensorCombination(method: self, isWide: tensor.isWide)
    }
  }

  /// Coefficients of the ingredients themselves, where the base has what differences leave of it.
  fileprivate func spread(_ coefficients: [Double]) -> [Double] {
    var result = Array(repeating: 0.0, count: (members + [base ?? 0]).reduce(0, max) + 1)
    for (member, coefficient) in zip(members, coefficients) { result[member] += coefficient }
    if let base { result[base] += 1 - coefficients.reduce(0, +) }
    return result
  }

  /// The members' vectors in a chunk.
  fileprivate func load(_ block: MergeBlock, _ chunk: Range<Int>, isWide: Bool, _ vectors: [Vector]) throws {
    guard let base else {
      for (member, vector) in zip(members, vectors) { try block.load(member, chunk, into: vector) }
      return
    }
    try block.load(base, chunk, into: vectors[members.count])
    for (member, vector) in zip(members, vectors) {
      try block.loadDifference(member, chunk, base: vectors[members.count], isWide: isWide, into: vector)
    }
  }

  /// Adds the dot products of part of a chunk to `sums`.
  fileprivate func addProducts(
    _ block: MergeBlock, _ part: Range<Int>, _ vectors: [Vector], to sums: UnsafeMutablePointer<Double>
  ) {
    var index = 0
    for i in members.indices {
      for j in i..<members.count {
        sums[index] += ck_dot(block.level, vectors[i] + part.lowerBound, vectors[j] + part.lowerBound, part.count)
        index += 1
      }
    }
  }
}

/// One vector: the tensor.
private struct TensorCombination<Method: CombinationMethod>: TensorMerger {
  let method: Method
  let isWide: Bool
  private var coefficients: [Double]?

  init(method: Method, isWide: Bool) {
    self.method = method
    self.isWide = isWide
  }

  var survey: Survey? {
    coefficients == nil ? Survey(sums: Products.number(of: method.members.count)) : nil
  }

  func gather(_ block: MergeBlock, into tally: inout Tally) throws {
    if !isWide { return try gatherSingles(block, into: &tally) }
    let vectors = block.vectors(method.members.count + 1)
    try tally.sums.withUnsafeMutableBufferPointer { sums in
      guard let sums = sums.baseAddress else { return }
      try block.forEachChunk { chunk in
        try method.load(block, chunk, isWide: isWide, vectors)
        method.addProducts(block, 0..<chunk.count, vectors, to: sums)
      }
    }
  }

  /// The same sums for Float32 and narrower, whose elements and differences are Float32 numbers: half the memory.
  private func gatherSingles(_ block: MergeBlock, into tally: inout Tally) throws {
    let count = method.members.count
    let vectors = block.singleVectors(count + 1)
    let pointers = vectors[..<count].map { UnsafePointer($0) as UnsafePointer<Float>? }
    try tally.sums.withUnsafeMutableBufferPointer { sums in
      try block.forEachChunk { chunk in
        if let base = method.base { try block.loadSingles(base, chunk, into: vectors[count]) }
        for (member, vector) in zip(method.members, vectors) {
          if method.base == nil {
            try block.loadSingles(member, chunk, into: vector)
          } else {
            try block.loadSingleDifference(member, chunk, base: vectors[count], into: vector)
          }
        }
        ck_add_gram(block.level, pointers, count, sums.baseAddress, chunk.count)
      }
    }
  }

  mutating func conclude(_ tally: Tally) {
    let products = Products(count: method.members.count, values: tally.sums)
    coefficients = method.spread(method.coefficients(products))
  }

  func merge(_ block: MergeBlock) throws { try block.setWeightedSum(coefficients ?? []) }
}

/// A vector for each run of elements along the last axis; blocks hold whole ones.
private struct RowCombination<Method: CombinationMethod>: TensorMerger {
  let method: Method
  let length: Int
  let isWide: Bool
  var survey: Survey? { nil }

  func gather(_ block: MergeBlock, into tally: inout Tally) {}
  mutating func conclude(_ tally: Tally) {}

  func merge(_ block: MergeBlock) throws {
    let count = method.members.count
    let width = Products.number(of: count)
    var sums = Array(repeating: 0.0, count: block.elements.count / length * width)
    let vectors = block.vectors(count + 2)
    try sums.withUnsafeMutableBufferPointer { sums in
      guard let sums = sums.baseAddress else { return }
      try block.forEachChunk { chunk in
        try method.load(block, chunk, isWide: isWide, vectors)
        forEachRow(chunk) { row, part in method.addProducts(block, part, vectors, to: sums + row * width) }
      }
    }
    let coefficients = (0..<block.elements.count / length).map { row in
      method.coefficients(Products(count: count, values: sums[row * width..<(row + 1) * width]))
    }
    let sum = vectors[count + 1]
    try block.forEachChunk { chunk in
      try method.load(block, chunk, isWide: isWide, vectors)
      if method.base == nil { sum.update(repeating: 0, count: chunk.count) }
      if method.base != nil { sum.update(from: vectors[count], count: chunk.count) }
      forEachRow(chunk) { row, part in
        for (index, coefficient) in coefficients[row].enumerated() {
          ck_add_scaled(
            block.level, sum + part.lowerBound, vectors[index] + part.lowerBound, coefficient, part.count)
        }
      }
      block.store(sum, chunk)
    }
  }

  /// The rows that a chunk touches: their numbers in the block, and their elements, counted from the chunk's first.
  private func forEachRow(_ chunk: Range<Int>, _ body: (Int, Range<Int>) -> Void) {
    var start = chunk.lowerBound
    while start < chunk.upperBound {
      let row = start / length
      let end = min(chunk.upperBound, (row + 1) * length)
      body(row, start - chunk.lowerBound..<end - chunk.lowerBound)
      start = end
    }
  }
}

/// A vector for each position behind the first axis.
private struct ColumnCombination<Method: CombinationMethod>: TensorMerger {
  let method: Method
  /// Number of vectors.
  let width: Int
  let isWide: Bool
  /// Coefficients of each member, vector by vector.
  private var coefficients: [[Double]]?

  init(method: Method, width: Int, isWide: Bool) {
    self.method = method
    self.width = width
    self.isWide = isWide
  }

  var survey: Survey? {
    coefficients == nil ? Survey(sums: Products.number(of: method.members.count) * width) : nil
  }

  func gather(_ block: MergeBlock, into tally: inout Tally) throws {
    let vectors = block.vectors(method.members.count + 1)
    try tally.sums.withUnsafeMutableBufferPointer { sums in
      guard let sums = sums.baseAddress else { return }
      try block.forEachChunk { chunk in
        try method.load(block, chunk, isWide: isWide, vectors)
        forEachRun(block, chunk) { column, part in
          var index = 0
          for i in method.members.indices {
            for j in i..<method.members.count {
              ck_add_products(
                block.level, sums + index * width + column, vectors[i] + part.lowerBound,
                vectors[j] + part.lowerBound, 1, part.count)
              index += 1
            }
          }
        }
      }
    }
  }

  mutating func conclude(_ tally: Tally) {
    let count = method.members.count
    var result = Array(repeating: Array(repeating: 0.0, count: width), count: count)
    for column in 0..<width {
      let values = (0..<Products.number(of: count)).map { tally.sums[$0 * width + column] }
      for (member, value) in method.coefficients(Products(count: count, values: values)).enumerated() {
        result[member][column] = value
      }
    }
    coefficients = result
  }

  func merge(_ block: MergeBlock) throws {
    let count = method.members.count
    let vectors = block.vectors(count + 2)
    let sum = vectors[count + 1]
    try block.forEachChunk { chunk in
      try method.load(block, chunk, isWide: isWide, vectors)
      if method.base == nil { sum.update(repeating: 0, count: chunk.count) }
      if method.base != nil { sum.update(from: vectors[count], count: chunk.count) }
      forEachRun(block, chunk) { column, part in
        for member in 0..<count {
          coefficients?[member].withUnsafeBufferPointer { values in
            guard let values = values.baseAddress else { return }
            ck_add_products(
              block.level, sum + part.lowerBound, vectors[member] + part.lowerBound, values + column, 1, part.count)
          }
        }
      }
      block.store(sum, chunk)
    }
  }

  /// Runs of elements in consecutive columns: the first one's column, and the elements, counted from the chunk's first.
  private func forEachRun(_ block: MergeBlock, _ chunk: Range<Int>, _ body: (Int, Range<Int>) -> Void) {
    var start = chunk.lowerBound
    while start < chunk.upperBound {
      let column = (block.elements.lowerBound + start) % width
      let end = min(chunk.upperBound, start + width - column)
      body(column, start - chunk.lowerBound..<end - chunk.lowerBound)
      start = end
    }
  }
}

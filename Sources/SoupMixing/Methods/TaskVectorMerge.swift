import CKernels
import SoupTensors

/// What task arithmetic, TIES, DARE, DELLA and breadcrumbs have in common: `θ = θ₀ + λ · M`, where M is the sum of the
/// weighted, sparsified differences `wᵢ δᵢ`, `δᵢ = θᵢ − θ₀`.
///
/// With `elects`, the sign of `Σ wᵢ δᵢ` is elected for every element (0 counts as positive) and only terms of that sign
/// are summed. With `normalizes`, M is divided by the sum of the weights of the terms in it, where that is not 0.
/// Differences of Float32 and narrower tensors are rounded to Float32 once; everything after that runs in Float64.
public struct TaskVectorMerge: Sendable, Hashable {
  /// One model's part.
  public struct Term: Sendable, Hashable {
    public var ingredient: Int
    public var weight: Double
    public var sparsifier: Sparsifier

    public init(_ ingredient: Int, weight: Double = 1, sparsifier: Sparsifier = .none) {
      self.ingredient = ingredient
      self.weight = weight
      self.sparsifier = sparsifier
    }
  }

  public var base: Int
  public var terms: [Term]
  public var elects = false
  public var normalizes = false
  public var rescaling = Rescaling.none
  /// λ
  public var scale = 1.0
  /// Of the random masks: element e of term k is kept if word e of `CounterGenerator(seed)`, derived by the tensor's name
  /// and then by k, is less than its probability times 2³².
  public var seed: UInt64 = 0

  public init(base: Int, terms: [Term]) {
    self.base = base
    self.terms = terms
  }

  /// - Throws: `MixError.Code.invalidRecipe`.
  func validated() throws(MixError) -> TaskVectorMerge {
    for term in terms {
      try term.sparsifier.validate()
      guard term.weight.isFinite else {
        throw MixError(.invalidRecipe, "the weight \(term.weight) is not a finite number")
      }
    }
    guard scale.isFinite else { throw MixError(.invalidRecipe, "lambda is \(scale); it must be a finite number") }
    return self
  }

  /// Rows must stay together where their elements are ranked.
  func rowLength(of tensor: MergeTensor) -> Int {
    let ranks = terms.contains {
      if case .rankedRandom = $0.sparsifier { $0.sparsifier.isRandom } else { false }
    }
    guard ranks, tensor.count > 0 else { return 1 }
    return tensor.shape.count > 1 ? tensor.count / tensor.shape[0] : tensor.count
  }

  func merger(for tensor: MergeTensor) -> any TensorMerger {
    let used = terms.filter { $0.weight != 0 }
    // A plain sum needs no differences, and no second rounding.
    if !elects, used.allSatisfy({ $0.sparsifier.keepsAll(of: tensor.count) }) { return plainSum }
    return TaskVectorMerger(self, tensor: tensor)
  }

  private var plainSum: any TensorMerger {
    let sum = terms.reduce(0) { $0 + $1.weight }
    let divisor = normalizes && sum.magnitude >= 1e-8 ? sum : 1
    var coefficients = Array(repeating: 0.0, count: (terms.map(\.ingredient) + [base]).reduce(0, max) + 1)
    for term in terms { coefficients[term.ingredient] += scale * term.weight / divisor }
    coefficients[base] += 1 - scale * sum / divisor
    return FixedSum(coefficients: coefficients)
  }
}

extension Sparsifier {
  fileprivate var isMask: Bool { if case .mask = self { true } else { false } }

  /// Whether a tensor of n elements stays as it is.
  fileprivate func keepsAll(of n: Int) -> Bool {
    !isRandom && !isMask && (n == 0 || places(of: n) == 0...n - 1)
  }
}

/// `Σᵢ cᵢ θᵢ`
private struct FixedSum: BlockMethod {
  let coefficients: [Double]
  func merge(_ block: MergeBlock) throws { try block.setWeightedSum(coefficients) }
}

private struct TaskVectorMerger: TensorMerger {
  private enum Stage { case thresholds, norms, ready }

  private let method: TaskVectorMerge
  private let terms: [TaskVectorMerge.Term]
  private let tensor: MergeTensor
  private let rowLength: Int
  private var stage = Stage.ready
  private var selection: MagnitudeSelection
  /// For each term, what magnitudes stay, and the factor of its difference.
  private var bounds: [(low: Double, high: Double)?]
  private var factors: [Double]
  /// Searches of the lower and upper bound of each term.
  private var lowSearch: [Int?] = []
  private var highSearch: [Int?] = []

  init(_ method: TaskVectorMerge, tensor: MergeTensor) {
    self.method = method
    self.tensor = tensor
    terms = method.terms
    rowLength = method.rowLength(of: tensor)
    factors = Array(repeating: 1, count: terms.count)
    bounds = []
    let n = tensor.count
    var searches: [MagnitudeSelection.Search] = []
    for (index, term) in terms.enumerated() {
      guard let places = term.sparsifier.places(of: n) else {
        bounds.append(nil)
        lowSearch.append(nil)
        highSearch.append(nil)
        continue
      }
      bounds.append((0, .infinity))
      func search(_ place: Int) -> Int {
        searches.append(MagnitudeSelection.Search(list: index, place: place))
        return searches.count - 1
      }
      lowSearch.append(places.lowerBound > 0 ? search(places.lowerBound) : nil)
      highSearch.append(places.upperBound < n - 1 ? search(places.upperBound) : nil)
    }
    selection = MagnitudeSelection(searches, count: n, isWide: tensor.isWide, lists: true)
    stage = searches.isEmpty ? .norms : .thresholds
    if stage == .norms, !needsNorms { stage = .ready }
  }

  private func isSparse(_ index: Int) -> Bool {
    let sparsifier = terms[index].sparsifier
    return sparsifier.isRandom || sparsifier.isMask || lowSearch[index] != nil || highSearch[index] != nil
  }

  /// Whether a term is scaled by its norm before and after.
  private func needsNorm(_ index: Int) -> Bool {
    switch method.rescaling {
    case .none: false
    case .expectation: isSparse(index) && !terms[index].sparsifier.isRandom
    case .norm: isSparse(index)
    }
  }

  private var needsNorms: Bool { terms.indices.contains(where: needsNorm) }

  var survey: Survey? {
    switch stage {
    case .thresholds: selection.survey
    case .norms: Survey(sums: 2 * terms.count)
    case .ready: nil
    }
  }

  func gather(_ block: MergeBlock, into tally: inout Tally) throws {
    if stage == .thresholds, selection.stage != .radix { return try list(block, into: &tally) }
    let vectors = block.vectors(3)
    let (base, delta, other) = (vectors[0], vectors[1], vectors[2])
    let probabilities = stage == .norms ? try rankProbabilities(block) : [:]
    try tally.counts.withUnsafeMutableBufferPointer { counts in
      try block.forEachChunk { chunk in
        try block.load(method.base, chunk, into: base)
        for (index, term) in terms.enumerated() where bounds[index] != nil && term.weight != 0 {
          guard stage == .thresholds ? lowSearch[index] != nil || highSearch[index] != nil : needsNorm(index) else {
            continue
          }
          try block.loadDifference(term.ingredient, chunk, base: base, isWide: tensor.isWide, into: delta)
          if stage == .thresholds, let counts = counts.baseAddress {
            selection.gather(delta, count: chunk.count, list: index, level: block.level, counts: counts)
          } else {
            tally.sums[2 * index] += ck_sum_magnitudes(block.level, delta, chunk.count)
            try sparsify(index, block, chunk, delta, other, probabilities)
            tally.sums[2 * index + 1] += ck_sum_magnitudes(block.level, delta, chunk.count)
          }
        }
      }
    }
  }

  /// The selection's passes over differences in Float32.
  private func list(_ block: MergeBlock, into tally: inout Tally) throws {
    let vectors = block.singleVectors(2)
    let (base, delta) = (vectors[0], vectors[1])
    try withUnsafeTemporaryAllocation(
      of: UInt32.self, capacity: MergeBlock.chunkLength + CK_SPLIT_SLACK
    ) { keys in
      guard let keys = keys.baseAddress else { return }
      try block.forEachChunk { chunk in
        try block.loadSingles(method.base, chunk, into: base)
        for (index, term) in terms.enumerated() where bounds[index] != nil && term.weight != 0 {
          guard lowSearch[index] != nil || highSearch[index] != nil else { continue }
          try block.loadSingleDifference(term.ingredient, chunk, base: base, into: delta)
          selection.gather(delta, count: chunk.count, list: index, level: block.level, keys: keys, into: &tally)
        }
      }
    }
  }

  mutating func conclude(_ tally: Tally) {
    switch stage {
    case .thresholds:
      selection.conclude(tally)
      guard selection.isComplete else { return }
      for index in terms.indices where bounds[index] != nil {
        if let search = lowSearch[index] { bounds[index]?.low = selection.value(search) }
        if let search = highSearch[index] { bounds[index]?.high = selection.value(search) }
      }
      stage = needsNorms ? .norms : .ready
    case .norms:
      for index in terms.indices where needsNorm(index) {
        let (before, after) = (tally.sums[2 * index], tally.sums[2 * index + 1])
        if before > 0, after > 0 { factors[index] = before / after }
      }
      stage = .ready
    case .ready: break
    }
  }

  /// The terms of a vote whose differences are chosen by magnitude alone; nil where it takes more than that.
  private func simpleTerms(_ block: MergeBlock) throws -> [ck_term]? {
    guard method.elects, !tensor.isWide, stage == .ready else { return nil }
    var simple: [ck_term] = []
    for (index, term) in terms.enumerated() where bounds[index] != nil && term.weight != 0 {
      guard !term.sparsifier.isRandom, !term.sparsifier.isMask, let bounds = bounds[index] else { return nil }
      let (dtype, start) = try block.storedElements(term.ingredient)
      simple.append(
        ck_term(
          dtype: dtype, source: start, low: Float(bounds.low), high: Float(bounds.high), factor: factors[index],
          weight: term.weight))
    }
    return simple
  }

  func merge(_ block: MergeBlock) throws {
    if let simple = try simpleTerms(block) {
      return try block.setElected(simple, base: method.base, scale: method.scale, normalizes: method.normalizes)
    }
    let vectors = block.vectors(8)
    let (base, delta, other, total) = (vectors[0], vectors[1], vectors[2], vectors[3])
    let (up, down, upWeight, downWeight) = (vectors[4], vectors[5], vectors[6], vectors[7])
    let level = block.level
    let probabilities = try rankProbabilities(block)
    // With no election the divisor is the same everywhere.
    let sum = terms.reduce(0) { $0 + $1.weight }
    let divisor = method.normalizes && !method.elects && sum.magnitude >= 1e-8 ? sum : 1
    try block.forEachChunk { chunk in
      let n = chunk.count
      try block.load(method.base, chunk, into: base)
      for vector in [up, down, upWeight, downWeight] { vector.update(repeating: 0, count: n) }
      for (index, term) in terms.enumerated() where bounds[index] != nil && term.weight != 0 {
        try block.loadDifference(term.ingredient, chunk, base: base, isWide: tensor.isWide, into: delta)
        try sparsify(index, block, chunk, delta, other, probabilities)
        if factors[index] != 1 {
          other.update(repeating: 0, count: n)
          ck_add_scaled(level, other, delta, factors[index], n)
          delta.update(from: other, count: n)
        }
        if method.elects {
          ck_vote(level, delta, term.weight, up, down, upWeight, downWeight, n)
        } else {
          ck_add_scaled(level, up, delta, term.weight, n)
        }
      }
      if method.elects {
        total.update(from: up, count: n)
        ck_add_scaled(level, total, down, 1, n)
        ck_elect(level, total, up, down, upWeight, downWeight, n)
        if method.normalizes {
          other.update(from: up, count: n)
          ck_divide(level, up, upWeight, 0, other, n)
        }
      }
      ck_add_scaled(level, base, up, method.scale / divisor, n)
      block.store(base, chunk)
    }
  }

  /// Zeros what does not stay of a difference.
  private func sparsify(
    _ index: Int, _ block: MergeBlock, _ chunk: Range<Int>, _ delta: Vector, _ other: Vector,
    _ probabilities: [Int: Ranks]
  ) throws {
    let n = chunk.count
    switch terms[index].sparsifier {
    case .none: break
    case .magnitude, .outliers:
      guard let bounds = bounds[index], bounds.low > 0 || bounds.high < .infinity else { break }
      ck_keep_between(block.level, delta, delta, bounds.low, bounds.high, n)
    case .random(let density):
      guard density < 1 else { break }
      other.update(repeating: density, count: n)
      keepRandom(index, block, chunk, delta, other)
    case .rankedRandom(let density, _):
      guard density < 1 else { break }
      guard density > 0, let row = probabilities[index] else {
        delta.update(repeating: 0, count: n)
        break
      }
      if let first = row.values.baseAddress { other.update(from: first + chunk.lowerBound, count: n) }
      keepRandom(index, block, chunk, delta, other)
    case .mask(let ingredient):
      try block.load(ingredient, chunk, into: other)
      ck_keep_masked(block.level, delta, other, n)
    }
  }

  private func keepRandom(
    _ index: Int, _ block: MergeBlock, _ chunk: Range<Int>, _ delta: Vector, _ probabilities: Vector
  ) {
    let key = CounterGenerator(seed: method.seed).derived(tensor.name).derived(UInt64(index)).key
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: MergeBlock.chunkLength) { words in
      guard let words = words.baseAddress else { return }
      ck_philox(
        block.level, key.x, key.y, UInt64(block.elements.lowerBound + chunk.lowerBound), words, chunk.count)
      ck_keep_random(
        block.level, delta, words, probabilities, method.rescaling == .expectation ? 1 : 0, chunk.count)
    }
  }

  /// For every term that ranks elements: the probabilities of the block's elements. Blocks hold whole rows.
  private func rankProbabilities(_ block: MergeBlock) throws -> [Int: Ranks] {
    var result: [Int: Ranks] = [:]
    for (index, term) in terms.enumerated() {
      guard case .rankedRandom(let density, let epsilon) = term.sparsifier, density > 0, density < 1 else { continue }
      let count = block.elements.count
      let work = block.allocate(byteCount: 8 * count + 16 * rowLength)
      let delta = work.values(Double.self, from: 0, count: count)
      let scratch = work.values(UInt32.self, from: 8 * count, count: 4 * rowLength)
      let memory = block.allocate(byteCount: 8 * count)
      let ranks = Ranks(memory: memory, values: memory.values(Double.self, from: 0, count: count))
      let vectors = block.vectors(2)
      try block.forEachChunk { chunk in
        try block.load(method.base, chunk, into: vectors[0])
        try block.loadDifference(
          term.ingredient, chunk, base: vectors[0], isWide: tensor.isWide, into: vectors[1])
        delta.baseAddress.map { ($0 + chunk.lowerBound).update(from: vectors[1], count: chunk.count) }
      }
      let first = rowLength > 1 ? density - epsilon : density
      let step = rowLength > 1 ? 2 * epsilon / Double(rowLength - 1) : 0
      for start in stride(from: 0, to: count, by: rowLength) {
        ck_rank_magnitudes(
          delta.baseAddress.map { $0 + start }, first, step, ranks.values.baseAddress.map { $0 + start },
          scratch.baseAddress, min(rowLength, count - start))
      }
      result[index] = ranks
    }
    return result
  }
}

/// One number for every element of a block.
private struct Ranks {
  let memory: WorkMemory
  let values: UnsafeMutableBufferPointer<Double>
}

import CKernels
import SoupCheckpoints
import SoupModels
import SoupTensors
import SoupTorch

/// Points of weight space that are reached from a few checkpoints, `θ = Σ cᵢ θᵢ + Σ rⱼ dⱼ`, written straight into a model.
///
/// Checkpoints stay mapped: memory is one tensor above the model's own. Sums run in Float64 and are rounded once. "Weights" are the model's
/// trained parameters; running statistics follow `BatchNormPolicy`, other buffers are the first checkpoint's.
public final class WeightSpace {
  /// Where the running means and variances of batch norm come from.
  public enum BatchNormPolicy: String, Codable, Sendable, CaseIterable {
    /// The same mixture as the weights. Outside the checkpoints' convex hull, where a variance could become negative, coefficients
    /// below zero count as zero and the others are rescaled to sum 1.
    case average
    /// Computed anew at every point from training images.
    case recompute
    /// Those of the first checkpoint.
    case copy
  }

  public let model: any Network
  public let policy: BatchNormPolicy
  /// How many checkpoints there are.
  public let count: Int
  private let states: [StateDict]
  private let recalibration: BatchNormRecalibration?
  private let level = ck_best_level()

  /// - Parameters:
  ///   - states: weights of one architecture, with the names of `model`.
  ///   - model: its weights are overwritten.
  ///   - recalibration: for `recompute`. A model without batch norm needs none, and no policy changes it.
  /// - Throws: `StateDictMismatch` for names or shapes that are not the model's; `EvaluationError.Code.unsupported` if `recompute` has no
  ///   images.
  public init(
    _ states: [StateDict], model: any Network, batchNorm policy: BatchNormPolicy = .average,
    recalibration: BatchNormRecalibration? = nil
  ) throws {
    guard !states.isEmpty else { throw EvaluationError(.noData, "a weight space needs at least one checkpoint") }
    let hasNorms = !model.batchNorms.isEmpty
    guard policy != .recompute || recalibration != nil || !hasNorms else {
      throw EvaluationError(.unsupported, "recomputing batch-norm statistics needs training images")
    }
    // Loading checks every name and shape; the last one stays until a point is placed.
    for state in states { try model.store.load(state) }
    self.states = states
    self.model = model
    self.policy = policy
    count = states.count
    self.recalibration = policy == .recompute && hasNorms ? recalibration : nil
  }

  /// Images that placing one point runs through the model: 0 unless statistics are recomputed.
  public var imagesPerPoint: Int { recalibration?.imageCount ?? 0 }

  /// Puts a point into the model.
  /// - Parameters:
  ///   - coefficients: one for each checkpoint; they need not be positive nor sum to 1.
  ///   - directions: what is added to the mixture, each with its step.
  public func place(_ coefficients: [Double], adding directions: [(direction: WeightDirection, step: Double)] = [])
    throws
  {
    precondition(coefficients.count == count, "\(coefficients.count) coefficients for \(count) checkpoints")
    let first = coefficients.firstIndex { $0 != 0 } ?? 0
    let positive = coefficients.map { max(0, $0) }
    let total = positive.reduce(0, +)
    let statistics = total > 0 ? positive.map { $0 / total } : coefficients.indices.map { $0 == first ? 1 : 0 }
    for entry in model.store.entries {
      let isMixed = entry.isParameter || (policy == .average && entry.tensor.dtype.isFloatingPoint)
      guard isMixed, entry.tensor.dtype.isFloatingPoint else {
        if let tensor = states[0][entry.name] { try entry.tensor.copy(from: tensor) }
        continue
      }
      var terms: [(tensor: HostTensor, weight: Double)] = zip(states, entry.isParameter ? coefficients : statistics)
        .compactMap { state, weight in weight == 0 ? nil : state[entry.name].map { ($0, weight) } }
      if entry.isParameter {
        for (direction, step) in directions where step != 0 {
          if let tensor = direction.tensors[entry.name] { terms.append((tensor, step)) }
        }
      }
      try entry.tensor.copy(from: mixture(terms, shape: entry.tensor.shape))
    }
    try recalibration?.apply(to: model)
  }

  /// The weights that are in the model now, such as a soup that was placed, as a checkpoint of their own.
  public func snapshot() throws -> StateDict { try model.store.stateDict() }

  /// Inner products `⟨θᵢ − θ_b, θⱼ − θ_b⟩` of the task vectors of all checkpoints, in Float64: `[count][count]`.
  /// - Parameter base: position of θ_b, whose row and column are zero.
  public func taskVectorProducts(base: Int) throws -> [[Double]] {
    var products = [[Double]](repeating: [Double](repeating: 0, count: count), count: count)
    let others = (0..<count).filter { $0 != base }
    for entry in trainedParameters {
      let tensors = states.compactMap { $0[entry.name] }
      guard tensors.count == count else { continue }
      try Self.forEachBlock(of: tensors) { blocks in
        let origin = blocks[base]
        let vectors = others.map { index in
          var vector = blocks[index]
          for position in vector.indices { vector[position] -= origin[position] }
          return vector
        }
        for (a, i) in others.enumerated() {
          for (b, j) in others.enumerated().dropFirst(a) {
            products[i][j] += ck_dot(level, vectors[a], vectors[b], vectors[a].count)
            products[j][i] = products[i][j]
          }
        }
      }
    }
    return products
  }

  /// The names of what training changes, in the model's order.
  var trainedParameters: [ParameterStore.Entry] {
    model.store.entries.filter { $0.isParameter && $0.tensor.requiresGradient }
  }

  /// A checkpoint's tensor.
  func tensor(_ name: String, of index: Int) -> HostTensor? { states[index][name] }

  private func mixture(_ terms: [(tensor: HostTensor, weight: Double)], shape: [Int]) throws -> HostTensor {
    if terms.count == 1, terms[0].weight == 1 { return terms[0].tensor }
    return try HostTensor(dtype: .float32, shape: shape) { target in
      let sources = terms.map { UnsafeRawPointer($0.tensor.storage.bytes.baseAddress! + $0.tensor.byteOffset) }
      withExtendedLifetime(terms) {
        sources.map(Optional.some).withUnsafeBufferPointer { sources in
          _ = ck_weighted_sum(
            level, terms.count, sources.baseAddress, terms.map(\.tensor.dtype.kernelCode), terms.map(\.weight), 1,
            target.baseAddress, CK_F32, target.count / 4)
        }
      }
    }
  }

  private static func forEachBlock(of tensors: [HostTensor], _ body: ([[Double]]) throws -> Void) throws {
    let size = 1 << 14
    let count = tensors[0].count
    for start in stride(from: 0, to: count, by: size) {
      let length = min(size, count - start)
      try body(
        tensors.map { tensor in
          try HostTensor(
            dtype: tensor.dtype, shape: [length], storage: tensor.storage,
            byteOffset: tensor.byteOffset + start * tensor.dtype.size
          ).doubles()
        })
    }
  }
}

import CKernels
import Dispatch
import SoupCheckpoints
import SoupMixing
import SoupTensors
import SoupTorch
import Synchronization

/// A model whose tensors are mixtures of ingredients that stay on disk: `θ_t = Σᵢ α_{t,i} θ_{i,t}`.
///
/// Both directions read every ingredient once, block by block on all cores: mixing, and the inner products
/// `⟨g_t, θ_{i,t}⟩ = ∂L/∂α_{t,i}` with the gradient at the mixed weights. Memory is one model for the blocks' results,
/// whatever the number of ingredients. Sums are in Float64 in a fixed order: any number of threads gives the same bytes,
/// and mixing gives the bytes of `Mixer`.
public final class StreamedMixture {
  /// A floating-point tensor of the model and its counterparts on disk.
  struct Term {
    let entry: ParameterStore.Entry
    let infos: [TensorInfo]
    /// Position of its first element in the flat results.
    let offset: Int
    let count: Int
  }

  public let paths: [String]
  /// Names of the tensors that are mixed, in the model's order: parameters, and running statistics among them.
  public var names: [String] { terms.map(\.entry.name) }
  /// Whether the tensor at each position is a parameter.
  public var isParameter: [Bool] { terms.map(\.entry.isParameter) }
  private let checkpoints: [Checkpoint]
  private let terms: [Term]
  private let elementCount: Int
  private let pieces: [Piece]
  private let threads: Int
  private let level = ck_best_level()

  private struct Piece {
    let term: Int
    let elements: Range<Int>
  }

  /// Elements of one piece of work.
  private static let pieceElements = 1 << 16
  /// Bytes that one thread works on at a time.
  private static let cacheBytes = 1 << 20

  /// Opens the ingredients and loads the first one into the model, for what is not mixed: counters.
  /// - Throws: `MixError` with every difference between the ingredients; `StateDictMismatch` if they do not fit the model.
  public init(_ paths: [String], into store: ParameterStore, threads: Int = Torch.threadCount) throws {
    self.paths = paths
    self.threads = max(1, threads)
    let checkpoints = try MixPlan(.uniform(paths)).checkpoints
    self.checkpoints = checkpoints
    try store.load(checkpoints[0].stateDict())
    var terms: [Term] = []
    var pieces: [Piece] = []
    var offset = 0
    for entry in store.entries where entry.tensor.dtype.isFloatingPoint {
      let infos = checkpoints.compactMap { $0.entry(entry.name) }
      let count = entry.tensor.count
      for start in stride(from: 0, to: count, by: Self.pieceElements) {
        pieces.append(Piece(term: terms.count, elements: start..<min(count, start + Self.pieceElements)))
      }
      terms.append(Term(entry: entry, infos: infos, offset: offset, count: count))
      offset += count
    }
    self.terms = terms
    self.pieces = pieces
    elementCount = offset
  }

  /// Writes the mixture into the model.
  /// - Parameter weights: `[tensor][ingredient]`, in the order of `names`.
  public func mix(_ weights: [[Double]]) throws {
    let (checkpoints, terms, pieces, level) = (checkpoints, terms.map { ($0.infos, $0.offset) }, pieces, level)
    let block = max(1024, Self.cacheBytes / (checkpoints.count + 1) / 4 / 1024 * 1024)
    let storage = try HostStorage(count: elementCount * 4) { memory in
      let target = Shared(memory)
      try forEachPiece { index, scratch in
        let piece = pieces[index]
        let (infos, offset) = terms[piece.term]
        let row = weights[piece.term]
        // As the mixer: an ingredient without a share is not read.
        let used = row.indices.filter { row[$0] != 0 }
        let size = infos.reduce(4) { max($0, $1.dtype.size) }
        for start in stride(from: piece.elements.lowerBound, to: piece.elements.upperBound, by: block) {
          let elements = start..<min(start + block, piece.elements.upperBound)
          let memory = scratch.memory(used.count * block * size)
          var sources: [UnsafeRawPointer?] = []
          for (place, ingredient) in used.enumerated() {
            let slot = UnsafeMutableRawBufferPointer(
              rebasing: memory[place * block * size..<(place + 1) * block * size])
            try checkpoints[ingredient].read(infos[ingredient], elements: elements, into: slot)
            sources.append(UnsafeRawPointer(slot.baseAddress))
          }
          _ = ck_weighted_sum(
            level, used.count, sources, used.map { infos[$0].dtype.kernelCode }, used.map { row[$0] }, 1,
            target.bytes.baseAddress! + (offset + start) * 4, CK_F32, elements.count)
        }
      }
    }
    for term in self.terms {
      try term.entry.tensor.copy(
        from: HostTensor(
          dtype: .float32, shape: term.entry.tensor.shape, storage: storage, byteOffset: term.offset * 4))
    }
  }

  /// The inner products of gradients with every ingredient's tensors: `[tensor][ingredient]`.
  /// - Parameter gradients: Float32, row-major, in the order of `names`; nil is no gradient, and gives zeros.
  public func products(_ gradients: [HostTensor?]) throws -> [[Double]] {
    let (checkpoints, infos, pieces, level) = (checkpoints, terms.map(\.infos), pieces, level)
    let count = checkpoints.count
    let block = 1 << 14
    let sums = UnsafeMutableBufferPointer<Double>.allocate(capacity: pieces.count * count)
    sums.initialize(repeating: 0)
    defer { sums.deallocate() }
    let shared = Shared(UnsafeMutableRawBufferPointer(sums))
    try forEachPiece { index, scratch in
      let piece = pieces[index]
      guard let gradient = gradients[piece.term] else { return }
      let sums = shared.bytes.bindMemory(to: Double.self)
      for start in stride(from: piece.elements.lowerBound, to: piece.elements.upperBound, by: block) {
        let elements = start..<min(start + block, piece.elements.upperBound)
        try gradient.withUnsafeBytes { bytes in
          let values = bytes.bindMemory(to: Float.self).baseAddress! + start
          for ingredient in 0..<count {
            let info = infos[piece.term][ingredient]
            let slot = scratch.memory(block * info.dtype.size)
            try checkpoints[ingredient].read(info, elements: elements, into: slot)
            sums[index * count + ingredient] += ck_dot_stored(
              level, info.dtype.kernelCode, slot.baseAddress, values, elements.count)
          }
        }
      }
    }
    var result = Array(repeating: Array(repeating: 0.0, count: count), count: terms.count)
    for (index, piece) in pieces.enumerated() {
      for ingredient in 0..<count { result[piece.term][ingredient] += sums[index * count + ingredient] }
    }
    return result
  }

  /// Hands the pieces out to the threads; the first error ends the work.
  private func forEachPiece(_ body: @Sendable (Int, Scratch) throws -> Void) throws {
    let next = Atomic(0)
    let failure = Mutex<(any Error)?>(nil)
    let total = pieces.count
    DispatchQueue.concurrentPerform(iterations: min(threads, max(1, total))) { _ in
      let scratch = Scratch()
      while true {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < total else { return }
        do {
          try body(index, scratch)
        } catch {
          failure.withLock { $0 = $0 ?? error }
          next.store(total, ordering: .relaxed)
        }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }
}

/// One thread's memory for blocks, which grows when more is asked for.
private final class Scratch {
  private var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  deinit { bytes.deallocate() }

  func memory(_ count: Int) -> UnsafeMutableRawBufferPointer {
    if bytes.count < count {
      bytes.deallocate()
      bytes = .allocate(byteCount: count, alignment: 64)
    }
    return bytes
  }
}

/// Memory that several threads fill, each its own part.
private struct Shared: @unchecked Sendable {
  let bytes: UnsafeMutableRawBufferPointer
  init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = bytes }
}

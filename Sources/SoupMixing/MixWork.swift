import SoupCheckpoints
import Synchronization

/// The pieces of one mix, handed out to threads, and what the threads noticed.
final class MixWork: Sendable {
  /// A run of elements of one tensor.
  struct Piece {
    let tensor: Int
    let elements: Range<Int>
  }

  /// What was noticed in one piece.
  struct Findings: Equatable {
    struct NonFinite: Equatable {
      /// Index of the checkpoint; -1 is the soup itself.
      let ingredient: Int
      let count: Int
    }

    var nonFinite: [NonFinite] = []
    /// Whether ingredients have different integers here.
    var integersDiffer = false
  }

  private struct State {
    var nextTensor = 0
    var nextElement = 0
    var completedBytes = 0
    var continuedBytes = 0
    var error: (any Error)?
    /// Count by (tensor, ingredient); ingredient -1 is the soup itself.
    var nonFinite: [Key: Int] = [:]
    var differingIntegers: Set<Int> = []
  }

  private struct Key: Hashable {
    let tensor: Int
    let ingredient: Int
  }

  let pieceCount: Int
  private let plan: MixPlan
  private let pieceElements: Int
  private let state = Mutex(State())

  init(plan: MixPlan, pieceElements: Int) {
    self.plan = plan
    self.pieceElements = pieceElements
    pieceCount = plan.tensors.reduce(0) { count, tensor in
      let length = Self.pieceLength(tensor, pieceElements)
      return count + (tensor.output.count + length - 1) / length
    }
  }

  /// The next piece, or nil when all are taken or a thread failed.
  func next() -> Piece? {
    state.withLock { state in
      guard state.error == nil else { return nil }
      while state.nextTensor < plan.tensors.count {
        let tensor = plan.tensors[state.nextTensor]
        let count = tensor.output.count
        if state.nextElement < count {
          let length = Self.pieceLength(tensor, pieceElements)
          let elements = state.nextElement..<min(count, state.nextElement + length)
          state.nextElement = elements.upperBound
          return Piece(tensor: state.nextTensor, elements: elements)
        }
        (state.nextTensor, state.nextElement) = (state.nextTensor + 1, 0)
      }
      return nil
    }
  }

  /// Whole rows, where a method needs them.
  private static func pieceLength(_ tensor: MixPlan.Tensor, _ elements: Int) -> Int {
    max(1, elements / tensor.rowLength) * tensor.rowLength
  }

  /// Counts a piece as done and returns the bytes of input done so far.
  /// - Parameter isContinued: whether an earlier process had written it.
  func finish(_ piece: Piece, _ findings: Findings, isContinued: Bool = false) -> Int {
    let tensor = plan.tensors[piece.tensor]
    let bytes = tensor.sources.reduce(0) { $0 + $1.info.dtype.size } * piece.elements.count
    return state.withLock { state in
      state.completedBytes += bytes
      if isContinued { state.continuedBytes += tensor.output.dtype.size * piece.elements.count }
      for finding in findings.nonFinite {
        state.nonFinite[Key(tensor: piece.tensor, ingredient: finding.ingredient), default: 0] += finding.count
      }
      if findings.integersDiffer { state.differingIntegers.insert(piece.tensor) }
      return state.completedBytes
    }
  }

  /// Keeps the first error; the other threads stop at their next piece.
  func fail(_ error: any Error) { state.withLock { $0.error = $0.error ?? error } }

  /// Finds out which inputs of a block with infinite or NaN output are to blame.
  func blame(_ block: MergeBlock, in findings: inout Findings) throws {
    var counts: [Findings.NonFinite] = []
    for ingredient in 0..<block.ingredientCount {
      let count = try block.nonFiniteCount(ingredient)
      guard count > 0 else { continue }
      // A file named twice is to blame once.
      let file = plan.checkpoints[block.checkpoint(of: ingredient)]
      let first = plan.checkpoints.firstIndex { $0 === file } ?? ingredient
      if !counts.contains(where: { $0.ingredient == first }) { counts.append(.init(ingredient: first, count: count)) }
    }
    if counts.isEmpty { counts.append(.init(ingredient: -1, count: block.nonFiniteOutputCount)) }
    for found in counts {
      let index = findings.nonFinite.firstIndex { $0.ingredient == found.ingredient }
      let before = index.map { findings.nonFinite.remove(at: $0).count } ?? 0
      findings.nonFinite.append(.init(ingredient: found.ingredient, count: before + found.count))
    }
  }

  /// The findings in recipe and file order, or the first error.
  func result() throws -> (nonFinite: [MixReport.NonFinite], differingIntegers: [String], continuedBytes: Int) {
    let (error, nonFinite, integers) = state.withLock { ($0.error, $0.nonFinite, $0.differingIntegers) }
    if let error { throw error }
    let findings = nonFinite.sorted { ($0.key.ingredient, $0.key.tensor) < ($1.key.ingredient, $1.key.tensor) }
      .map { key, count in
        MixReport.NonFinite(
          file: key.ingredient < 0 ? nil : plan.checkpoints[key.ingredient].path,
          tensor: plan.tensors[key.tensor].output.name, count: count)
      }
    return (
      findings, integers.sorted().map { plan.tensors[$0].output.name }, state.withLock { $0.continuedBytes }
    )
  }
}

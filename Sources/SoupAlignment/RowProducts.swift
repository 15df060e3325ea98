import CKernels
import Dispatch
import SoupTensors

/// One tensor's part in how well units of two networks fit each other: rows are units, columns everything else.
struct RowProducts {
  private let level = ck_best_level()
  let threads: Int

  /// `sums[i·n + j] += ⟨aᵢ, bⱼ⟩` of units i and j, over all their positions along an axis and all other axes.
  /// - Parameters:
  ///   - a, b: tensors `[d₀, d₁, …]` in float32.
  ///   - positions: of each unit along `dimension`.
  ///   - across: from where b's other axis takes its values; nil in their order.
  func add(
    _ a: HostTensor, _ b: HostTensor, dimension: Int, positions: [[Int]], across: [Int]?, to sums: inout [Double]
  ) {
    let n = positions.count
    let width = a.count / max(a.shape[dimension], 1) * positions[0].count
    guard n > 0, width > 0 else { return }
    let left = Self.rows(a, dimension, positions, across: nil, width: width)
    let right = Self.rows(b, dimension, positions, across: across, width: width)
    let pieces = min(threads, (n + 63) / 64)
    let share = (n + pieces - 1) / pieces
    sums.withUnsafeMutableBufferPointer { sums in
      nonisolated(unsafe) let target = sums.baseAddress!
      DispatchQueue.concurrentPerform(iterations: pieces) { piece in
        let (first, last) = (min(piece * share, n), min((piece + 1) * share, n))
        guard first < last else { return }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: ck_cross_scratch(n)) { scratch in
          left.withUnsafeBufferPointer { left in
            right.withUnsafeBufferPointer { right in
              ck_add_cross_products(
                level, left.baseAddress!, right.baseAddress!, first, last, n, width, width, target, scratch.baseAddress!
              )
            }
          }
        }
      }
    }
  }

  /// The units' values, one after the other.
  private static func rows(
    _ tensor: HostTensor, _ dimension: Int, _ positions: [[Int]], across: [Int]?, width: Int
  ) -> [Float] {
    let columns = tensor.shape.count > 1 ? tensor.shape[1] : 1
    let item = tensor.count / (tensor.shape[0] * columns)
    return [Float](unsafeUninitializedCapacity: positions.count * width) { target, initialized in
      initialized = positions.count * width
      tensor.withUnsafeBytes { bytes in
        let source = bytes.baseAddress!
        var to = UnsafeMutableRawPointer(target.baseAddress!)
        func copy(_ element: Int, _ count: Int) {
          to.copyMemory(from: source + element * 4, byteCount: count * 4)
          to += count * 4
        }
        for unit in positions {
          for position in unit {
            if dimension == 0 {
              guard let across else {
                copy(position * columns * item, columns * item)
                continue
              }
              for column in across { copy((position * columns + column) * item, item) }
            } else {
              for row in 0..<tensor.shape[0] { copy(((across?[row] ?? row) * columns + position) * item, item) }
            }
          }
        }
      }
    }
  }
}

import CKernels
import Dispatch
import SoupTensors
import SoupTorch
import Synchronization

/// Linear centred kernel alignment of every two of some models' representations of the same n images.
///
/// With the columns of X `[n, d]` and Y `[n, e]` centred, `CKA = ‖XᵀY‖²_F / (‖XᵀX‖_F ‖YᵀY‖_F)`: 1 where one is the other rotated and
/// scaled, symmetric, whatever the widths. As `⟨XXᵀ, YYᵀ⟩` is the same number, it is computed on whichever side is cheaper:
/// `n · d · e` for every pair, or `n² · d` once for every model and n² for every pair, in tiles of images that all models share.
/// - Source: Kornblith et al., *Similarity of neural network representations revisited*, 2019, arXiv:1905.00414.
public struct KernelAlignment {
  public let count: Int
  /// `⟨XᵢXᵢᵀ, XⱼXⱼᵀ⟩`, lower triangle by rows; NaN for a representation that is not finite.
  private let products: [Double]

  /// - Parameters:
  ///   - representations: `[n, dᵢ]` float32 for each model, of the same images in the same order.
  ///   - device: where matrices are multiplied.
  ///   - progress: called with a share in 0...1 of the work done.
  /// - Throws: `EvaluationError.Code.shape` unless all are of the same n > 1 images.
  /// - Complexity: beside the representations, a tile of images of every model: 256 kB each, or two representations.
  public init(
    _ representations: [HostTensor], device: Device = .cpu, threads: Int = 1, progress: (Double) -> Void = { _ in }
  ) throws {
    guard let n = representations.first?.shape.first, n > 1,
      representations.allSatisfy({ $0.shape.count == 2 && $0.shape[0] == n && $0.dtype == .float32 && $0.shape[1] > 0 })
    else {
      throw EvaluationError(.shape, "CKA is of two representations or more, float32, of the same images, at least two")
    }
    count = representations.count
    let centred = try representations.map(Self.centred)
    let widths = centred.map { Double($0.shape[1]) }
    let sum = widths.reduce(0, +)
    let byFeatures = Double(n) * (sum * sum + widths.reduce(0) { $0 + $1 * $1 }) / 2
    let byImages = Double(n) * Double(n) / 2 * (sum + Double(count) * Double(count) / 2)
    products =
      byFeatures <= byImages
      ? try Self.byFeatures(centred, device, progress)
      : try Self.byImages(centred, images: n, device, threads: threads, progress)
  }

  /// In 0...1; nil for a representation that does not vary or is not finite.
  public subscript(_ i: Int, _ j: Int) -> Double? {
    func product(_ i: Int, _ j: Int) -> Double { products[max(i, j) * (max(i, j) + 1) / 2 + min(i, j)] }
    let scale = product(i, i).squareRoot() * product(j, j).squareRoot()
    guard scale > 0, scale.isFinite else { return nil }
    return i == j ? 1 : min(1, max(0, product(i, j) / scale))
  }

  /// Columns less their means, all scaled by one number so that squares of squares stay in range.
  private static func centred(_ x: HostTensor) throws -> HostTensor {
    let (n, d) = (x.shape[0], x.shape[1])
    var values = x.floats()
    var means = [Double](repeating: 0, count: d)
    for row in 0..<n { for k in 0..<d { means[k] += Double(values[row * d + k]) } }
    var squares = 0.0
    for row in 0..<n {
      for k in 0..<d {
        let value = Double(values[row * d + k]) - means[k] / Double(n)
        squares += value * value
        values[row * d + k] = Float(value)
      }
    }
    let scale = squares > 0 ? Float((Double(n) / squares).squareRoot()) : 1
    for k in values.indices { values[k] *= scale }
    return try HostTensor(floats: values, shape: x.shape)
  }

  private static func byFeatures(
    _ centred: [HostTensor], _ device: Device, _ progress: (Double) -> Void
  ) throws -> [Double] {
    var products: [Double] = []
    let total = Double(centred.count * (centred.count + 1) / 2)
    for i in centred.indices {
      let x = try Tensor(centred[i], device: device).transpose(0, 1)
      for j in 0...i {
        let y = try Tensor(centred[j], device: device)
        products.append(try withoutGradients { try x.matmul(y).power(2).sum().item() })
        progress(Double(products.count) / total)
      }
    }
    return products
  }

  private static func byImages(
    _ centred: [HostTensor], images n: Int, _ device: Device, threads: Int, _ progress: (Double) -> Void
  ) throws -> [Double] {
    let (side, count) = (256, centred.count)
    let rows = (count + Int(CK_GRAM_ROWS) - 1) / Int(CK_GRAM_ROWS) * Int(CK_GRAM_ROWS)
    // A padded stride: rows do not share cache sets.
    let stride = side * side + 16
    let tile = UnsafeMutablePointer<Float>.allocate(capacity: rows * stride)
    tile.initialize(repeating: 0, count: rows * stride)
    defer { tile.deallocate() }
    var products = [Double](repeating: 0, count: count * (count + 1) / 2)
    let starts = Array(Swift.stride(from: 0, to: n, by: side))
    let total = Double(starts.count * (starts.count + 1) / 2)
    var done = 0.0
    for (p, first) in starts.enumerated() {
      let left = try centred.map { try part($0, first..<min(n, first + side), device) }
      for second in starts[...p] {
        var elements = 0
        for (model, x) in left.enumerated() {
          let right = second == first ? x : try part(centred[model], second..<min(n, second + side), device)
          let kernel = try withoutGradients { try x.matmul(right.transpose(0, 1)).host() }
          elements = kernel.count
          kernel.withUnsafeBytes {
            UnsafeMutableRawPointer(tile + model * stride).copyMemory(from: $0.baseAddress!, byteCount: $0.count)
          }
        }
        let padded = (elements + Int(CK_GRAM_LANES) - 1) / Int(CK_GRAM_LANES) * Int(CK_GRAM_LANES)
        for model in 0..<count {
          (tile + model * stride + elements).update(repeating: 0, count: padded - elements)
        }
        // A tile off the diagonal stands for its mirror image too.
        let weight = second == first ? 1.0 : 2.0
        let found = add(tile, count, stride, padded, threads)
        for k in products.indices { products[k] += weight * found[k] }
        done += 1
        progress(done / total)
      }
    }
    return products
  }

  /// Inner products of the rows, in pieces of a fixed length that are added in order.
  private static func add(
    _ tile: UnsafeMutablePointer<Float>, _ count: Int, _ stride: Int, _ elements: Int, _ threads: Int
  ) -> [Double] {
    let (piece, level) = (8192, ck_best_level())
    let pieces = (elements + piece - 1) / piece
    let empty = [Double](repeating: 0, count: count * (count + 1) / 2)
    let results = Mutex([Int: [Double]]())
    nonisolated(unsafe) let tile = tile
    DispatchQueue.concurrentPerform(iterations: min(threads, pieces)) { worker in
      for index in Swift.stride(from: worker, to: pieces, by: min(threads, pieces)) {
        var sums = empty
        for start in Swift.stride(from: index * piece, to: min(elements, (index + 1) * piece), by: 1024) {
          ck_add_row_products(
            level, tile + start, count, stride, min(1024, min(elements, (index + 1) * piece) - start), &sums)
        }
        results.withLock { [sums] in $0[index] = sums }
      }
    }
    return results.withLock { $0 }.sorted { $0.key < $1.key }.reduce(into: empty) { total, found in
      for k in total.indices { total[k] += found.value[k] }
    }
  }

  private static func part(_ x: HostTensor, _ rows: Range<Int>, _ device: Device) throws -> Tensor {
    let width = x.shape[1]
    return try Tensor(
      HostTensor(
        dtype: .float32, shape: [rows.count, width], storage: x.storage,
        byteOffset: x.byteOffset + rows.lowerBound * width * 4), device: device)
  }
}

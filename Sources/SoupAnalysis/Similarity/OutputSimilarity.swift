import CKernels
import Dispatch
import SoupTensors
import Synchronization

/// How alike the answers of every two models to the same images are, from their logits.
///
/// Over n images, with p, q the softmax of the logits z, z':
/// - `kl`: `mean ½ (KL(p‖q) + KL(q‖p))`, in nats;
/// - `js`: `mean ½ (KL(p‖m) + KL(q‖m))`, `m = (p + q)/2`, in nats, at most log 2;
/// - `mse`: `mean Σ_classes (z − z')²`: a sum over classes, as published, not their mean;
/// - `disagreement`: the share of images whose most likely class differs.
///
/// All are symmetric and 0 for a model with itself.
/// - Source: Ghyselincks et al., *When is Model Souping Tasty?*, 2026, for `kl` and `mse`.
public struct OutputSimilarity: Sendable {
  public struct Pair: Sendable, Equatable {
    public let kl: Double
    public let js: Double
    public let mse: Double
    public let disagreement: Double

    public init(kl: Double, js: Double, mse: Double, disagreement: Double) {
      (self.kl, self.js, self.mse, self.disagreement) = (kl, js, mse, disagreement)
    }
  }

  public let models: Int
  public let images: Int
  /// Models with a logit that is not finite: they have no pairs.
  public let broken: [Int]
  private let pairs: [Pair?]

  /// - Parameters:
  ///   - logits: `[n, classes]` float32 of each model, for the same images in the same order.
  ///   - progress: called from several threads with a share in 0...1 of the work that was done since.
  /// - Throws: `AnalysisError` for fewer than two models, shapes that differ, or no image.
  /// - Complexity: `models² / 2 · n · classes`, about 10⁹ elements in 1.5 s on two cores; three floats for each logit of 64 images at a
  ///   time beside the logits themselves.
  public init(
    _ logits: [HostTensor], threads: Int, progress: @escaping @Sendable (Double) -> Void = { _ in }
  ) throws(AnalysisError) {
    guard logits.count > 1, let shape = logits.first?.shape, shape.count == 2, shape[0] > 0, shape[1] > 0,
      logits.allSatisfy({ $0.shape == shape && $0.dtype == .float32 })
    else {
      throw AnalysisError(.length, "outputs of at least two models are compared, float32 and of one shape [n, classes]")
    }
    let (count, n, classes) = (logits.count, shape[0], shape[1])
    let padded = (classes + Int(CK_OUTPUT_LANES) - 1) / Int(CK_OUTPUT_LANES) * Int(CK_OUTPUT_LANES)
    let level = ck_best_level()
    let finite = logits.map { tensor in
      tensor.withUnsafeBytes { bytes in
        let values = bytes.bindMemory(to: Float.self)
        return ck_is_finite(level, values.baseAddress, values.count) != 0
      }
    }
    let chunk = 64
    let chunks = (n + chunk - 1) / chunk
    // Pieces of a fixed number of chunks, added in order: the same sums for any number of threads.
    let piece = max(1, (chunks + 63) / 64)
    let results = Mutex([Int: [Sums]]())
    DispatchQueue.concurrentPerform(iterations: min(threads, chunks)) { worker in
      var block = Block(models: count, rows: chunk, padded: padded)
      for index in stride(from: worker, to: (chunks + piece - 1) / piece, by: min(threads, chunks)) {
        var sums = [Sums](repeating: Sums(), count: count * (count - 1) / 2)
        for part in index * piece..<min(chunks, (index + 1) * piece) {
          let rows = part * chunk..<min(n, (part + 1) * chunk)
          block.fill(logits, finite, rows, classes)
          block.add(to: &sums, rows.count, finite, level)
        }
        results.withLock { $0[index] = sums }
        progress(Double(min(chunks, (index + 1) * piece) - index * piece) / Double(chunks))
      }
    }
    var total = [Sums](repeating: Sums(), count: count * (count - 1) / 2)
    for (_, sums) in results.withLock({ $0 }).sorted(by: { $0.key < $1.key }) {
      for k in total.indices { total[k].add(sums[k]) }
    }
    (models, images) = (count, n)
    broken = finite.indices.filter { !finite[$0] }
    var pairs: [Pair?] = []
    var place = 0
    for i in 0..<count {
      for j in 0..<i {
        let sum = total[place]
        place += 1
        pairs.append(
          finite[i] && finite[j]
            ? Pair(
              kl: max(0, sum.distance.kl) / Double(n), js: max(0, sum.distance.js) / Double(n),
              mse: sum.distance.squares / Double(n), disagreement: Double(sum.disagreements) / Double(n)) : nil)
      }
    }
    self.pairs = pairs
  }

  /// Nil for a model that is broken; of a model with itself, all 0.
  public subscript(_ i: Int, _ j: Int) -> Pair? {
    if i == j { return broken.contains(i) ? nil : Pair(kl: 0, js: 0, mse: 0, disagreement: 0) }
    let (a, b) = (max(i, j), min(i, j))
    return pairs[a * (a - 1) / 2 + b]
  }

  private struct Sums {
    var distance = ck_output_distance()
    var disagreements = 0

    mutating func add(_ other: Sums) {
      distance.kl += other.distance.kl
      distance.js += other.distance.js
      distance.squares += other.distance.squares
      disagreements += other.disagreements
    }
  }

  /// Logits, log-probabilities, probabilities and predictions of every model for some images.
  private struct Block {
    let models: Int
    let rows: Int
    let padded: Int
    var logits: [Float]
    var logs: [Float]
    var probabilities: [Float]
    var predictions: [Int32]

    init(models: Int, rows: Int, padded: Int) {
      (self.models, self.rows, self.padded) = (models, rows, padded)
      logits = [Float](repeating: 0, count: models * rows * padded)
      (logs, probabilities) = (logits, logits)
      predictions = [Int32](repeating: 0, count: models * rows)
    }

    mutating func fill(_ tensors: [HostTensor], _ finite: [Bool], _ range: Range<Int>, _ classes: Int) {
      for model in 0..<models where finite[model] {
        tensors[model].withUnsafeBytes { bytes in
          let values = bytes.bindMemory(to: Float.self)
          for (row, image) in range.enumerated() {
            let source = UnsafeBufferPointer(rebasing: values[image * classes..<(image + 1) * classes])
            let place = (model * rows + row) * padded
            var best = 0
            for c in 0..<classes {
              logits[place + c] = source[c]
              if source[c] > source[best] { best = c }
            }
            predictions[model * rows + row] = Int32(best)
            logs.withUnsafeMutableBufferPointer { logs in
              probabilities.withUnsafeMutableBufferPointer { probabilities in
                ck_softmax_row(
                  source.baseAddress, classes, padded, logs.baseAddress! + place, probabilities.baseAddress! + place)
              }
            }
          }
        }
      }
    }

    func add(to sums: inout [Sums], _ count: Int, _ finite: [Bool], _ level: ck_level) {
      logits.withUnsafeBufferPointer { z in
        logs.withUnsafeBufferPointer { l in
          probabilities.withUnsafeBufferPointer { p in
            predictions.withUnsafeBufferPointer { best in
              var place = 0
              for i in 0..<models {
                for j in 0..<i {
                  defer { place += 1 }
                  guard finite[i], finite[j] else { continue }
                  let (a, b) = (i * rows * padded, j * rows * padded)
                  ck_add_output_distance(
                    level, z.baseAddress! + a, l.baseAddress! + a, p.baseAddress! + a, z.baseAddress! + b,
                    l.baseAddress! + b, p.baseAddress! + b, count, padded, &sums[place].distance)
                  for row in 0..<count where best[i * rows + row] != best[j * rows + row] {
                    sums[place].disagreements += 1
                  }
                }
              }
            }
          }
        }
      }
    }
  }
}

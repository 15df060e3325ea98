import Foundation
import SoupCLI
import SoupCheckpoints
import SoupEvaluation
import SoupTensors

/// What several models do on each image, kept for comparisons later: a safetensors file that numpy reads too.
///
/// `correct` is uint8 `[rows, images]`, `losses` float32 `[rows, images]`, `labels` int64 `[images]`; the metadata has `rows` (names,
/// as JSON), `data` and `split`.
enum PredictionsFile {
  static func write(
    _ rows: [(name: String, outcomes: SampleOutcomes)], labels: [Int], data: String, split: String, to path: String
  ) throws {
    let shape = [rows.count, labels.count]
    let correct = try HostTensor(dtype: .uint8, shape: shape) { bytes in
      for (row, entry) in rows.enumerated() {
        for (image, right) in entry.outcomes.correct.enumerated() { bytes[row * labels.count + image] = right ? 1 : 0 }
      }
    }
    let losses = try HostTensor(floats: rows.flatMap(\.outcomes.losses), shape: shape)
    try CheckpointWriter.write(
      StateDict(
        [
          ("correct", correct), ("losses", losses),
          ("labels", HostTensor(integers: labels.map(Int64.init), shape: [labels.count])),
        ], metadata: ["rows": Console.json(rows.map(\.name)), "data": data, "split": split]), to: path)
  }
}

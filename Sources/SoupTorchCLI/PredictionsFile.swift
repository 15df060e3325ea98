import Foundation
import SoupCLI
import SoupCheckpoints
import SoupEvaluation
import SoupTensors

/// What several models do on each image, kept for comparisons later: a safetensors file that numpy reads too.
///
/// `correct` is uint8 `[rows, images]`, `losses` float32 `[rows, images]`, `labels` int64 `[images]`; the metadata has `rows` (names,
/// as JSON), `data` and `split`. Under a shift every model has a row for each version of the images, and the metadata also `shift` and,
/// for each row, `corruptions` and `severities` (as JSON; `clean` and 0 for the images as they are); `positions`, int64 `[images]`, says
/// which images of the set they are.
enum PredictionsFile {
  static func write(
    _ rows: [(name: String, outcomes: SampleOutcomes)], labels: [Int], positions: [Int]? = nil, data: String,
    split: String, metadata: [String: String] = [:], to path: String
  ) throws {
    let shape = [rows.count, labels.count]
    let correct = try HostTensor(dtype: .uint8, shape: shape) { bytes in
      for (row, entry) in rows.enumerated() {
        for (image, right) in entry.outcomes.correct.enumerated() { bytes[row * labels.count + image] = right ? 1 : 0 }
      }
    }
    let losses = try HostTensor(floats: rows.flatMap(\.outcomes.losses), shape: shape)
    var tensors = [
      ("correct", correct), ("losses", losses),
      ("labels", try HostTensor(integers: labels.map(Int64.init), shape: [labels.count])),
    ]
    if let positions {
      tensors.append(("positions", try HostTensor(integers: positions.map(Int64.init), shape: [positions.count])))
    }
    let own = ["rows": try Console.json(rows.map(\.name)), "data": data, "split": split]
    try CheckpointWriter.write(
      StateDict(tensors, metadata: own.merging(metadata) { own, _ in own }), to: path)
  }

  /// Every version of the images, model by model.
  static func write(
    _ rows: [(name: String, outcomes: ShiftOutcomes)], of images: ShiftedImages, split: String, to path: String
  ) throws {
    let all = rows.flatMap { row in row.outcomes.versions.map { (row.name, $0) } }
    let versions = rows.flatMap { _ in images.versions }
    try write(
      all, labels: images.labels, positions: images.positions, data: images.base.name, split: split,
      metadata: [
        "shift": images.name, "corruptions": Console.json(versions.map(\.name)),
        "severities": Console.json(versions.map(\.severity)),
      ], to: path)
  }
}

import SoupCheckpoints
import SoupTensors

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What `soup inspect --json` prints for one file.
struct CheckpointSummary: Encodable {
  struct Tensor: Encodable {
    let name: String
    let dtype: String
    let shape: [Int]
    let elements: Int
    let bytes: Int
    let values: TensorStatistics?
  }

  struct Total: Encodable {
    let dtype: String
    let tensors: Int
    let elements: Int
    let bytes: Int
  }

  let file: String
  let fileBytes: Int
  /// The header's metadata; values that are JSON objects, like ours, stay text.
  let metadata: [String: String]
  /// Totals by dtype, largest first.
  let dtypes: [Total]
  let tensors: [Tensor]

  init(_ checkpoint: Checkpoint, statistics: [TensorStatistics]?) {
    file = checkpoint.path
    fileBytes = checkpoint.fileSize
    metadata = checkpoint.metadata
    tensors = checkpoint.entries.enumerated().map { index, entry in
      Tensor(
        name: entry.name, dtype: entry.dtype.name, shape: entry.shape, elements: entry.count,
        bytes: entry.byteRange.count, values: statistics?[index])
    }
    dtypes = DType.allCases.compactMap { dtype in
      let members = checkpoint.entries.filter { $0.dtype == dtype }
      guard !members.isEmpty else { return nil }
      return Total(
        dtype: dtype.name, tensors: members.count, elements: members.reduce(0) { $0 + $1.count },
        bytes: members.reduce(0) { $0 + $1.byteRange.count })
    }
    .sorted { $0.bytes > $1.bytes }
  }
}

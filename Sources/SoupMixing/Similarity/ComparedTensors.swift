import SoupCheckpoints

/// Which tensors of several checkpoints are compared as one vector.
struct ComparedTensors: Sendable {
  struct Tensor: Sendable {
    let name: String
    let count: Int
    /// Of each checkpoint, in their order.
    let infos: [TensorInfo]
    let base: TensorInfo?
  }

  /// In the order of the first checkpoint.
  let tensors: [Tensor]
  /// Names that are left out because of what they are (`WeightSimilarity.isStatistic`, integers), in the order of the first checkpoint.
  let excluded: [String]
  /// Names that not all checkpoints have in one shape; empty unless `common`.
  let uncommon: [String]

  /// Batch norm's running statistics follow the weights; the number of batches is no weight at all.
  static func isStatistic(_ name: String) -> Bool {
    ["running_mean", "running_var", "num_batches_tracked"].contains(String(name.split(separator: ".").last ?? ""))
  }

  /// - Parameters:
  ///   - all: also running statistics and integers.
  ///   - common: leave out what not all have, in place of refusing.
  /// - Throws: `MixError.Code.mismatch` with every difference from the first checkpoint; `.invalidRecipe` where nothing is left.
  init(_ checkpoints: [Checkpoint], base: Checkpoint?, all: Bool, common: Bool) throws(MixError) {
    func isCompared(_ info: TensorInfo) -> Bool { all || (info.dtype.isFloatingPoint && !Self.isStatistic(info.name)) }
    let first = checkpoints[0]
    let others = Array(checkpoints.dropFirst()) + (base.map { [$0] } ?? [])
    var problems: [MixError.Problem] = []
    var uncommon: Set<String> = []
    for other in others {
      for entry in first.entries where isCompared(entry) {
        if let found = other.entry(entry.name) {
          guard found.shape != entry.shape else { continue }
          problems.append(
            .shape(file: other.path, tensor: entry.name, expected: entry.shape, found: found.shape))
        } else {
          problems.append(.missing(file: other.path, tensor: entry.name))
        }
        uncommon.insert(entry.name)
      }
      // A base may have more: a head that fine-tuning replaced.
      guard other !== base else { continue }
      for entry in other.entries where isCompared(entry) && first.entry(entry.name) == nil {
        problems.append(.unexpected(file: other.path, tensor: entry.name))
        uncommon.insert(entry.name)
      }
    }
    guard common || problems.isEmpty else {
      throw MixError(
        .mismatch,
        "the checkpoints do not have the same tensors as \(first.path); --common compares those that all have",
        problems: problems)
    }
    tensors = first.entries.filter { isCompared($0) && !uncommon.contains($0.name) && $0.count > 0 }.map { entry in
      Tensor(
        name: entry.name, count: entry.count, infos: checkpoints.map { $0.entry(entry.name)! },
        base: base.map { $0.entry(entry.name)! })
    }
    excluded = first.entries.filter { !isCompared($0) }.map(\.name)
    self.uncommon = uncommon.sorted()
    guard !tensors.isEmpty else {
      throw MixError(.invalidRecipe, "the checkpoints have no tensor in common that could be compared")
    }
  }
}

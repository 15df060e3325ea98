import Crypto
import SoupCheckpoints
import SoupTensors

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What decides the bytes of a mix or a conversion, without reading them: the recipe, the output's form and header, and
/// for every ingredient its files' sizes and times of change and its header. Two of one identity give the same bytes.
struct MixIdentity {
  /// 64 hexadecimal digits.
  let text: String
  /// Enough of them for a file name.
  var key: String { String(text.prefix(24)) }

  /// - Parameter pieceElements: how tensors are cut; another cut is another journal.
  init(_ plan: MixPlan, pieceElements: Int, destination: CheckpointDestination) throws {
    self.init(
      ["soup-mix", try plan.recipe.json(), "\(pieceElements)"], header: plan.layout.header,
      checkpoints: plan.checkpoints, destination)
  }

  /// A conversion.
  init(
    converting input: Checkpoint, to destination: CheckpointDestination, dtype: DType?, pieceElements: Int
  ) {
    self.init(
      ["soup-convert", dtype?.rawValue ?? "", "\(pieceElements)"], header: [], checkpoints: [input], destination)
  }

  private init(
    _ words: [String], header: [UInt8], checkpoints: [Checkpoint], _ destination: CheckpointDestination
  ) {
    var hash = SHA256()
    func add(_ words: String...) {
      for word in words {
        // Lengths keep two words from reading like two others.
        hash.update(data: Data("\(word.utf8.count) \(word)".utf8))
      }
    }
    add(SoupVersion.current)
    for word in words { add(word) }
    add(destination.format.rawValue, "\(destination.isFolder) \(destination.shardSize ?? 0)")
    hash.update(data: Data(header))
    for checkpoint in checkpoints {
      add(checkpoint.path, "\(checkpoint.entries.count)")
      for path in checkpoint.files {
        let state = FileState(path)
        add(path, "\(state.bytes) \(state.seconds) \(state.nanoseconds)")
      }
      for entry in checkpoint.entries {
        add(entry.name, entry.dtype.rawValue, "\(entry.shape) \(entry.byteRange)")
      }
    }
    text = hash.finalize().map { byte in
      let digits = String(byte, radix: 16)
      return digits.count == 1 ? "0" + digits : digits
    }.joined()
  }
}

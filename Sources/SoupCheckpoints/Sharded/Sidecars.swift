#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The files beside a model's weights that a program needs to run it: configuration, tokenizer, preprocessing.
public enum Sidecars {
  /// Names known by themselves; any other `*.json`, `*.txt`, `*.model`, `*.jinja` and `*.py` belongs to the model too.
  private static let endings = [".json", ".txt", ".model", ".jinja", ".py", ".tiktoken"]
  /// What describes the weights or a training, not the model.
  private static let others = ["trainer_state.json", "all_results.json", "train_results.json", "eval_results.json"]
  /// No tokenizer has more; a larger file is something else.
  private static let maximumSize = 512 << 20

  /// Copies the sidecar files of `source` that `target` does not have; links are followed, folders passed over.
  /// - Parameter replacing: whether files that `target` has are replaced.
  /// - Returns: names of the copied files, sorted.
  /// - Throws: `CheckpointError.Code.cannotRead`, `.cannotWrite`, `.noSpace`.
  @discardableResult
  public static func copy(
    from source: String, to target: String, replacing: Bool = false
  ) throws(CheckpointError) -> [String] {
    let (from, to) = (source.hasSuffix("/") ? source : source + "/", target.hasSuffix("/") ? target : target + "/")
    var copied: [String] = []
    for name in try names(source) {
      let exists = CheckpointLocation.exists(to + name)
      if exists && !replacing { continue }
      let file = try MappedFile(path: from + name)
      let output = try AtomicFile(path: to + name, size: file.storage.bytes.count)
      try output.write(file.storage.bytes, at: 0)
      try output.commit()
      copied.append(name)
    }
    return copied
  }

  /// Names of the sidecar files in a folder, sorted.
  public static func names(_ folder: String) throws(CheckpointError) -> [String] {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw CheckpointError(.cannotRead, folder, "the folder cannot be read: \(systemError())")
    }
    let prefix = folder.hasSuffix("/") ? folder : folder + "/"
    return names.filter { name in
      !name.hasPrefix(".") && !name.hasSuffix(".index.json") && !others.contains(name)
        && endings.contains { name.hasSuffix($0) } && isSmallFile(prefix + name)
    }
    .sorted()
  }

  private static func isSmallFile(_ path: String) -> Bool {
    guard let size = MappedFile.regularSize(path) else { return false }
    return size > 0 && size <= maximumSize
  }
}

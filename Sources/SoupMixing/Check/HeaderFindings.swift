import SoupCheckpoints
import SoupTensors

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What headers, and the small files beside them, say about how well ingredients fit together.
struct HeaderFindings {
  private(set) var findings: [CheckFinding] = []
  private let checkpoints: [Checkpoint]

  init(checkpoints: [Checkpoint]) {
    self.checkpoints = checkpoints
    sameFiles()
    dtypes()
    integers()
    tiedLayers()
    companions()
  }

  /// Layers with one row for every token, by the last parts of their names in the usual models.
  private static let embeddings = [
    "embed_tokens.weight", "wte.weight", "word_embeddings.weight", "embed_in.weight", "tok_embeddings.weight",
    "token_embedding.weight", "shared.weight",
  ]
  private static let heads = ["lm_head.weight", "embed_out.weight", "output.weight", "cls.predictions.decoder.weight"]

  private static func isIn(_ list: [String], _ name: String) -> Bool {
    list.contains { name == $0 || name.hasSuffix("." + $0) }
  }

  /// A difference between two ingredients in words, with what to do about it.
  static func explain(_ problem: MixError.Problem) -> (CheckFinding.Code, String, advice: String) {
    switch problem {
    case .missing(_, let tensor):
      isIn(heads, tensor)
        ? (
          .tied, "has no output layer: it is probably tied to the embedding",
          "store it in both ingredients, or in none"
        )
        : (.missing, "is missing", "mix only checkpoints of one architecture")
    case .unexpected(_, let tensor):
      isIn(heads, tensor)
        ? (
          .tied,
          "is an output layer that the first ingredient does not have: there it is probably tied to the embedding",
          "store it in both ingredients, or in none"
        )
        : (.unexpected, "is not in the first ingredient", "mix only checkpoints of one architecture")
    case .shape(_, let tensor, let expected, let found):
      if isIn(embeddings + heads, tensor), expected.count == found.count, expected.dropFirst() == found.dropFirst() {
        (
          .vocabulary, "has \(found.first ?? 0) rows, the first ingredient \(expected.first ?? 0): two vocabularies",
          "mix only models with the same tokenizer, or give them the same vocabulary first"
        )
      } else {
        (.shape, "has shape \(found), expected \(expected)", "mix only checkpoints of one architecture")
      }
    case .dtype(_, _, let expected, let found):
      (.dtype, "is \(found), expected \(expected)", "convert one of them; floats and integers cannot be mixed")
    }
  }

  private mutating func sameFiles() {
    struct Identity: Hashable {
      let device: UInt64
      let node: UInt64
    }
    var known: [Identity: String] = [:]
    for checkpoint in checkpoints {
      var information = stat()
      guard stat(checkpoint.path, &information) == 0 else { continue }
      let identity = Identity(device: UInt64(information.st_dev), node: UInt64(information.st_ino))
      if let other = known[identity] {
        findings.append(
          CheckFinding(
            .warning, .sameFile, file: checkpoint.path, "is the same file as '\(other)' and takes part twice",
            advice: "leave one of them out, or give it a larger weight"))
      }
      known[identity] = known[identity] ?? checkpoint.path
    }
  }

  /// Ingredients that are stored in other dtypes than the first one.
  private mutating func dtypes() {
    guard let first = checkpoints.first else { return }
    for other in checkpoints.dropFirst() {
      let changed = other.entries.compactMap { entry in
        first.entry(entry.name).flatMap { $0.dtype == entry.dtype ? nil : ($0.dtype, entry.dtype, entry.name) }
      }.filter { $0.0.isFloatingPoint && $0.1.isFloatingPoint }
      guard let example = changed.first else { continue }
      findings.append(
        CheckFinding(
          .note, .dtype, file: other.path,
          "stores \(changed.count) tensor\(changed.count == 1 ? "" : "s") otherwise than the first ingredient "
            + "(\(example.2): \(example.1.name) and \(example.0.name))",
          advice: "the soup's dtype holds both; --dtype chooses another"))
    }
  }

  /// Integer matrices are quantised weights more often than not.
  private mutating func integers() {
    for checkpoint in checkpoints {
      let found = checkpoint.entries.filter { !$0.dtype.isFloatingPoint && $0.dtype != .bool && $0.shape.count > 1 }
        .filter { $0.count > 4096 }
      guard let example = found.first else { continue }
      findings.append(
        CheckFinding(
          .warning, .integers, file: checkpoint.path, tensor: example.name,
          "\(found.count) large integer tensor\(found.count == 1 ? "" : "s"), such as this one of "
            + "\(example.dtype.name), will be copied from one ingredient, not mixed",
          advice: "if the model is quantised, mix the original weights and quantise the soup"))
    }
  }

  /// Heads that have the embedding's shape in every ingredient that has both, but that some do not have.
  private mutating func tiedLayers() {
    let tying = checkpoints.map { CompanionFiles(beside: $0.path)?.configuration?.tiesEmbeddings }
    guard tying.contains(true), tying.contains(false) else { return }
    for (checkpoint, isTied) in zip(checkpoints, tying) where isTied == true {
      findings.append(
        CheckFinding(
          .warning, .tied, file: checkpoint.path,
          "ties its output layer to the embedding (config.json), others do not: the soup would have two different layers",
          advice: "mix only models that agree, or untie them first"))
    }
  }

  /// `config.json` and tokenizer files in the ingredients' folders.
  private mutating func companions() {
    let folders = checkpoints.map { CompanionFiles(beside: $0.path) }
    guard let index = folders.firstIndex(where: { $0 != nil }), let first = folders[index] else { return }
    for (checkpoint, folder) in zip(checkpoints, folders) {
      guard let folder, folder.path != first.path else { continue }
      if let ours = first.configuration, let theirs = folder.configuration {
        for (key, expected, found) in ours.differences(from: theirs) {
          findings.append(
            CheckFinding(
              .warning, key == "vocab_size" ? .vocabulary : .configuration, file: checkpoint.path,
              "config.json says \(key) = \(found), that of '\(checkpoints[index].path)' \(expected)",
              advice: "mix only fine-tunings of one model"))
        }
      }
      for name in CompanionFiles.tokenizerFiles where first.differs(name, from: folder) {
        findings.append(
          CheckFinding(
            .warning, .vocabulary, file: checkpoint.path,
            "\(name) differs from that of '\(checkpoints[index].path)': the same token may mean another word",
            advice: "mix only models with the same tokenizer"))
      }
    }
  }
}

/// The small files beside a checkpoint in a Hugging Face folder.
private struct CompanionFiles {
  /// The keys that must agree for weights to mean the same.
  struct Configuration: Decodable {
    enum CodingKeys: String, CodingKey {
      case modelType = "model_type"
      case vocabularySize = "vocab_size"
      case hiddenSize = "hidden_size"
      case layers = "num_hidden_layers"
      case heads = "num_attention_heads"
      case keyValueHeads = "num_key_value_heads"
      case intermediateSize = "intermediate_size"
      case ropeTheta = "rope_theta"
      case normEpsilon = "rms_norm_eps"
      case tiesEmbeddings = "tie_word_embeddings"
    }

    var modelType: String?
    var vocabularySize: Int?
    var hiddenSize: Int?
    var layers: Int?
    var heads: Int?
    var keyValueHeads: Int?
    var intermediateSize: Int?
    var ropeTheta: Double?
    var normEpsilon: Double?
    var tiesEmbeddings: Bool?

    func differences(from other: Configuration) -> [(key: String, expected: String, found: String)] {
      func pair<Value: Equatable>(
        _ key: CodingKeys, _ path: KeyPath<Configuration, Value?>
      ) -> (String, String, String)? {
        guard let a = self[keyPath: path], let b = other[keyPath: path], a != b else { return nil }
        return (key.rawValue, "\(a)", "\(b)")
      }
      return [
        pair(.modelType, \.modelType),
        pair(.vocabularySize, \.vocabularySize),
        pair(.hiddenSize, \.hiddenSize),
        pair(.layers, \.layers),
        pair(.heads, \.heads),
        pair(.keyValueHeads, \.keyValueHeads),
        pair(.intermediateSize, \.intermediateSize),
        pair(.ropeTheta, \.ropeTheta),
        pair(.normEpsilon, \.normEpsilon),
      ].compactMap { $0 }
    }
  }

  static let tokenizerFiles = ["tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "merges.txt"]
  /// No configuration or tokenizer is larger; what is, is not compared.
  private static let largest = 64 << 20

  let path: String
  let configuration: Configuration?

  /// The folder that the checkpoint is or lies in, if a `config.json` is there.
  init?(beside checkpoint: String) {
    var information = stat()
    guard stat(checkpoint, &information) == 0 else { return nil }
    let isFolder = information.st_mode & S_IFMT == S_IFDIR
    path = isFolder ? checkpoint : checkpoint.lastIndex(of: "/").map { String(checkpoint[..<$0]) } ?? "."
    guard let data = Self.read(path + "/config.json") else { return nil }
    configuration = try? JSONDecoder().decode(Configuration.self, from: data)
  }

  /// Whether both folders have the file, with different contents.
  func differs(_ name: String, from other: CompanionFiles) -> Bool {
    guard let a = Self.read(path + "/" + name), let b = Self.read(other.path + "/" + name) else { return false }
    return a != b
  }

  private static func read(_ path: String) -> Data? {
    var information = stat()
    guard stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG, information.st_size <= largest else {
      return nil
    }
    return FileManager.default.contents(atPath: path)
  }
}

/// One run of a study: a `soup …` command line with what it reads and what it writes, before paths are known.
public struct RunSpecification: Sendable, Hashable {
  /// What a run does; also the name of its job array on a cluster.
  public enum Kind: String, Sendable, Codable, CaseIterable {
    case train, probe, season, mix, select, evaluate, pairs, step
  }

  /// A word of the command line.
  public enum Word: Sendable, Hashable {
    /// Itself.
    case text(String)
    /// Itself, but no part of the run's identity: it does not change the result.
    case detail(String)
    /// The path of a file that another run writes.
    case result(of: String, file: String)
    /// A path outside the study; its contents are part of the identity.
    case file(String)
    /// The path of a file that this run writes.
    case output(String)
  }

  public var name: String
  public var kind: Kind
  /// After the program's name.
  public var words: [Word]
  /// Files that the run leaves in its folder, besides `output.jsonl`.
  public var outputs: [String]
  /// Files and folders that it reads without naming them, as a data set's.
  public var readings: [String]
  /// Whether `--threads` may be added.
  public var takesThreads: Bool
  /// The record that `export` makes of a step.
  public var record: String?

  public init(
    name: String, kind: Kind, words: [Word], outputs: [String] = [], readings: [String] = [],
    takesThreads: Bool = true, record: String? = nil
  ) {
    self.name = name
    self.kind = kind
    self.words = words
    self.outputs = outputs
    self.readings = readings
    self.takesThreads = takesThreads
    self.record = record
  }

  /// Names of the runs whose results this one reads, each once, in order.
  public var needs: [String] {
    var names: [String] = []
    for case .result(let name, _) in words where !names.contains(name) { names.append(name) }
    return names
  }

  /// The standard output of a command under `--json`, kept in the run's folder.
  public static let printed = "output.jsonl"
  /// The checkpoint that a training, a mix, a search writes.
  public static let checkpoint = "model.safetensors"
  /// A table of pair soups, or a block of one.
  public static let table = "pairs.csv"
  /// How alike the models of every pair are.
  public static let similarities = "similarities.csv"
  /// The run that gives them the names of a table of pairs.
  static func similarities(of pairs: String) -> String { pairs + ".similarities" }
  /// What an evaluation found for each image.
  public static let predictions = "predictions.safetensors"
}

/// A model of a study: something with weights, or an ensemble, that can be scored.
public struct StudyModel: Sendable, Hashable {
  public enum Role: String, Sendable, Codable {
    case base
    /// Of a stage from which another one starts: no ingredient of soups unless named.
    case stage
    case ingredient, best, soup, ensemble
  }

  /// Where the weights are.
  public enum Source: Sendable, Hashable {
    /// In the checkpoint that this run writes.
    case run(String)
    case file(String)
    /// An ensemble has no weights of its own.
    case none
  }

  public var name: String
  public var role: Role
  public var method: String?
  public var source: Source
  /// Names of the models that it was made from; for a search, of those that it chose among.
  public var candidates: [String]
  /// Drawn and fixed settings of its training, by option.
  public var hyperparameters: [Hyperparameter]
  /// The model that it was trained from.
  public var parent: String?
  /// Whether it has a classifier that belongs to it, so that accuracy says something.
  public var classifies = true

  public struct Hyperparameter: Sendable, Hashable {
    public let name: String
    public let value: String
  }

  init(
    _ name: String, _ role: Role, method: String? = nil, source: Source, candidates: [String] = [],
    hyperparameters: [Hyperparameter] = []
  ) {
    self.name = name
    self.role = role
    self.method = method
    self.source = source
    self.candidates = candidates
    self.hyperparameters = hyperparameters
  }

  /// Whether it is one of several soups to choose from: scored only where that is needed, or asked for.
  var isCandidate: Bool { role == .stage && method != nil }

  /// The word that names its checkpoint on a command line.
  var word: RunSpecification.Word? {
    switch source {
    case .run(let run): .result(of: run, file: RunSpecification.checkpoint)
    case .file(let path): .file(path)
    case .none: nil
    }
  }
}

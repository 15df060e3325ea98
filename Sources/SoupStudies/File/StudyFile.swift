/// A study as its YAML file says it, checked but not expanded. See `Guides/Studies.md` for the grammar.
public struct StudyFile: Sendable, Hashable {
  public var name: String
  public var seed: UInt64
  /// The data set, given as `--data` to the commands that take it.
  public var data: String?
  /// Files and folders on which every run depends, besides the data's own folder.
  public var inputs: [String]
  /// Options by the command that they belong to: `train`, `season`, `evaluate`, …
  public var options: [String: Settings]
  public var base: Base?
  public var ingredients: Ingredients?
  public var soups: [Soup]
  public var ensembles: [Ensemble]
  public var sets: [EvaluationSet]
  public var steps: [Step]
  public var slurm: SlurmOptions
  /// How often a run that failed is started again.
  public var retries: Int
  /// Runs at a time on one machine; nil for as many as it has cores, at most 8.
  public var workers: Int?
  /// The text that it was read from.
  public var text: String

  /// What the ingredients are fine-tuned from.
  public enum Base: Sendable, Hashable {
    case checkpoint(String)
    case training(Settings)
  }

  public struct Ingredients: Sendable, Hashable {
    public enum Search: String, Sendable, CaseIterable { case random, grid, files }
    public var search: Search
    /// Draws of a random search.
    public var count: Int
    /// Trainings with different seeds for each point of a grid.
    public var repeats: Int
    public var settings: Settings
    /// Checkpoints that exist already, as patterns.
    public var files: [String]
    /// Whether the base is an ingredient too.
    public var includesBase: Bool
  }

  /// A model made of other models.
  public struct Soup: Sendable, Hashable {
    public var name: String
    /// `best`, `uniform`, `mix`, or a method of `soup season`.
    public var method: String
    /// Names of models; nil for all ingredients.
    public var of: [String]?
    public var options: Settings
  }

  public struct Ensemble: Sendable, Hashable {
    public var name: String
    /// `logits`, `probabilities`: their mean over all; `greedy`: the mean logits of those that a greedy search keeps.
    public var method: String
    public var of: [String]?
    public var options: Settings
  }

  /// Images that every model is scored on.
  public struct EvaluationSet: Sendable, Hashable {
    public var name: String
    public var split: String
    /// A distribution shift: not the images that training images are like.
    public var isShift: Bool
    /// A shift that is computed from the images: `imagenet-c`, `cifar-c`, `laion-c`.
    public var shift: String?
    public var options: Settings
    /// Models are chosen by the held-out images, so that scores on them flatter.
    public var isSelection: Bool { split == "held-out" }
  }

  /// A command of one's own, once or for each model.
  public struct Step: Sendable, Hashable {
    public var name: String
    public var command: [String]
    /// Files that the command writes, in its folder.
    public var outputs: [String]
    /// What `export` makes of its output: one of `records`, or the JSON as it is.
    public var record: String?
    /// Whether `--threads` is added when it is run.
    public var takesThreads: Bool

    /// What `soup landscape` measures, as far as reports draw it.
    public static let records = ["line", "plane", "simplex", "angles", "approximation"]
  }

  /// `#SBATCH` options: for all, and by kind of run.
  public struct SlurmOptions: Sendable, Hashable {
    public var common: [String: String] = [:]
    public var byKind: [String: [String: String]] = [:]
    /// Tasks of one array at a time; nil for no limit.
    public var concurrent: Int?
  }
}

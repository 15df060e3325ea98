import Foundation

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
  /// Ingredients in several steps, each from those before it.
  public var stages: [Stage] = []
  /// Ingredients that leave one training at several epochs.
  public var branches: Branches?
  public var soups: [Soup]
  public var ensembles: [Ensemble]
  public var sets: [EvaluationSet]
  /// Tables of the soups of every two models.
  public var pairs: [Pairs] = []
  /// Options of `soup compare` over the ingredients; nil where nothing asks how alike they are.
  public var similarities: Settings?
  /// Two models each: how much better the first is.
  public var contrasts: [Contrast] = []
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

  /// Models made from each model of earlier stages, by the same settings for each.
  public struct Stage: Sendable, Hashable {
    public enum Command: String, Sendable, CaseIterable { case train, probe }
    public var name: String
    public var command: Command
    /// Names of stages, or `base`.
    public var from: [String]
    /// The settings, as of ingredients; one model for each that it starts from where no search is said.
    public var search: Ingredients
    /// Whether names of its models end with the number of the setting.
    public var isNumbered: Bool
  }

  /// Variants that leave the base's training, the trunk, at several epochs and go on with scaled hyperparameters.
  public struct Branches: Sendable, Hashable {
    /// Epochs of the trunk, ascending.
    public var at: [Int]
    public var variants: Variants
    /// Further options of the variants' trainings.
    public var settings: Settings

    public enum Variants: Sendable, Hashable {
      /// Factors by option, as `lr-scale`, one element for each variant.
      case listed([Settings])
      /// Factors `2^±u`, `u` uniform in `[0.2 R, R)`, with R by option.
      case drawn(count: Int, ranges: [ScaleRange])

      public var count: Int {
        switch self {
        case .listed(let variants): variants.count
        case .drawn(let count, _): count
        }
      }
    }

    public struct ScaleRange: Sendable, Hashable {
      public let option: String
      public let range: Double
    }

    /// How often the trunk keeps its state: the largest step that meets every branch point.
    public var every: Int {
      at.reduce(0) { first, second in
        var (a, b) = (first, second)
        while b != 0 { (a, b) = (b, a % b) }
        return a
      }
    }
  }

  /// The soup of every two models, made and scored in blocks that are runs of their own.
  public struct Pairs: Sendable, Hashable {
    public var name: String
    /// Names of models; nil for all ingredients.
    public var of: [String]?
    /// Models on a side of a block.
    public var block: Int
    /// Options of `soup landscape pairs`.
    public var options: Settings

    /// Its tables, one for each policy of batch norm: what they are called, and their files.
    public var tables: [(name: String, file: String)] {
      guard case .fixed(let list?)? = options["batch-norm"] else { return [(name, RunSpecification.table)] }
      let policies = list.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      if policies.count < 2 { return [(name, RunSpecification.table)] }
      return policies.enumerated().map { index, policy in
        ("\(name)-\(policy)", PairBlocks.file(policy: index == 0 ? nil : policy))
      }
    }
  }

  public struct Contrast: Sendable, Hashable {
    public let model: String
    public let against: String
  }

  /// A model made of other models.
  public struct Soup: Sendable, Hashable {
    public var name: String
    /// `best`, `uniform`, `mix`, or a method of `soup season`.
    public var method: String
    /// Names of models; nil for all ingredients.
    public var of: [String]?
    /// One for each group of models that come from the same one, instead of one for all.
    public var isForEach = false
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
    /// Names of models; nil for all that can classify.
    public var of: [String]?
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

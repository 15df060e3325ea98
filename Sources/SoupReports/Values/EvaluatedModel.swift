import SoupAnalysis

/// A model and how well it does on every set it was scored on.
public struct EvaluatedModel: Sendable, Hashable {
  public var name: String
  public var kind: ModelKind
  /// By the name of the set.
  public var scores: [String: Measurement]
  public var hyperparameters: [String: JSON]
  /// Names of the models mixed in it, where known.
  public var members: [String]?
  /// Forward passes for one prediction: 1, and the number of members for an ensemble.
  public var passes: Int?
  /// The mean over all shifted sets, where the source measured it image by image.
  public var shiftMean: Measurement?

  public init(
    name: String, kind: ModelKind, scores: [String: Measurement] = [:], hyperparameters: [String: JSON] = [:],
    members: [String]? = nil, passes: Int? = nil
  ) {
    self.name = name
    self.kind = kind
    self.scores = scores
    self.hyperparameters = hyperparameters
    self.members = members
    self.passes = passes
  }

  /// Of a record that only says which ingredient is the best: that ingredient's name.
  var ownName: String {
    if kind == .best, let members, members.count == 1 { return members[0] }
    return name
  }

  public func accuracy(on set: String) -> Double? { scores[set]?.accuracy }
}

/// A model's score on one set of images.
public struct Measurement: Sendable, Hashable {
  /// Fraction of the images that are classified right.
  public var accuracy: Double
  /// Number of images, where known.
  public var count: Int?
  /// Mean cross-entropy in nats.
  public var loss: Double?
  /// Expected calibration error, a fraction.
  public var calibrationError: Double?
  /// Against the best single model on the same images, image by image.
  public var gain: PairedComparison?
  private var measuredInterval: Interval?

  /// - Parameter interval: of the accuracy; nil for Wilson's, from the number of images.
  public init(
    accuracy: Double, count: Int? = nil, loss: Double? = nil, calibrationError: Double? = nil,
    interval: Interval? = nil, gain: PairedComparison? = nil
  ) {
    self.accuracy = accuracy
    self.count = count
    self.loss = loss
    self.calibrationError = calibrationError
    self.gain = gain
    measuredInterval = interval
  }

  /// 95 %.
  public var interval: Interval? { measuredInterval ?? count.flatMap { Interval(fraction: accuracy, count: $0) } }
}

/// What a model is; decides its colour and shape in every figure.
public enum ModelKind: Sendable, Hashable {
  /// The shared initialisation.
  case base
  /// A single fine-tuned model.
  case ingredient
  /// The ingredient that does best on the held-out images.
  case best
  /// A soup or ensemble, by its method: `uniform`, `greedy`, `learned`, `layerwise`, `sampled`, `pair`, `ensemble`, …
  case mixture(String)

  /// `Uniform soup`, `Greedy ensemble`, `Single model`.
  public var title: String {
    switch self {
    case .base: return "Initialisation"
    case .ingredient: return "Single model"
    case .best: return "Best single model"
    case .mixture(let method):
      let words = method.replacing("_", with: " ").replacing("-", with: " ")
      let name = words.prefix(1).uppercased() + words.dropFirst()
      return words.contains("ensemble") || words.contains("soup") ? name : name + " soup"
    }
  }

  /// Place among mixtures; nil for single models.
  var rank: Int? {
    guard case .mixture = self else { return nil }
    let order = ["uniform", "greedy", "learned", "layerwise", "learned by layer", "sampled", "pair"]
    if method == "ensemble" { return 100 }
    if method.contains("ensemble") { return 101 }
    return order.firstIndex(of: method) ?? 50
  }

  private var method: String {
    guard case .mixture(let method) = self else { return "" }
    return method.lowercased().replacing("_", with: " ").replacing("-", with: " ").replacing(" soup", with: "")
  }

  /// One of the theme's colours, and a Vega symbol.
  var style: (color: String, shape: String) {
    switch self {
    case .ingredient: return ("@faint", "circle")
    case .base: return ("@ink", "diamond")
    case .best: return ("@amber", "triangle-up")
    case .mixture:
      switch method {
      case "greedy": return ("@red", Self.star)
      case "uniform": return ("@blue", "square")
      case "ensemble", "mean logits": return ("@green", "cross")
      case "greedy ensemble": return ("@teal", "triangle-right")
      case "learned": return ("@violet", "triangle-down")
      case "layerwise", "learned by layer", "learned layerwise": return ("@pink", "triangle-left")
      case "sampled": return ("@sky", Self.hexagon)
      case "pair": return ("@olive", "diamond")
      default: return ("@ink", "square")
      }
    }
  }

  static let star =
    "M0,-1.2L0.2694,-0.3708L1.1413,-0.3708L0.4359,0.1416L0.7053,0.9708L0,0.4584L-0.7053,0.9708L-0.4359,0.1416L-1.1413,-0.3708L-0.2694,-0.3708Z"
  static let hexagon = "M0,-1L0.866,-0.5L0.866,0.5L0,1L-0.866,0.5L-0.866,-0.5Z"
}

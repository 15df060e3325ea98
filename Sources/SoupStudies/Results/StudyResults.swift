import Foundation

/// What a study has found so far: its models, what each was made of, and how each scored.
public struct StudyResults: Sendable {
  /// A model's score on one set of images.
  public struct ModelScore: Sendable, Hashable {
    public let set: String
    /// As `soup evaluate` printed it: `top1`, `loss`, `count`, …
    public let values: [String: JSONValue]
    /// Path of per-image results, where they were kept.
    public let predictions: String?
    /// Of a shift that is computed: every corruption and severity. `top1`, `loss` and `count` are then their means and the number
    /// of images.
    public let shift: ShiftScore?

    public var top1: Double? { values["top1"]?.double }
    public var loss: Double? { values["loss"]?.double }
    public var count: Int? { values["count"]?.integer }
    /// Images that it got right.
    public var correct: Int? {
      guard shift == nil, let top1, let count else { return nil }
      return Int((top1 * Double(count)).rounded())
    }
  }

  public struct Row: Sendable {
    public let model: StudyModel
    /// The path of its weights.
    public let checkpoint: String?
    /// The models that are in it, where that is known.
    public let members: [String]?
    /// Forward passes for one prediction.
    public let passes: Int
    /// In the order of the file's sets; absent where it was not scored yet.
    public let scores: [ModelScore]

    public func score(on set: String) -> ModelScore? { scores.first { $0.set == set } }
  }

  public let rows: [Row]
  /// Hyperparameters in which the ingredients differ, the seed aside.
  public let varying: [String]

  public init(_ study: Study) {
    var scores: [String: [ModelScore]] = [:]
    for scoring in study.graph.scorings {
      guard let run = study.runs[scoring.run], run.state == .done, let printed = run.printed else { continue }
      let folder = study.runFolder(run)
      let isShifted = study.file.sets.first { $0.name == scoring.set }?.shift != nil
      guard
        let score = ModelScore(
          set: scoring.set, printed: JSONValue.lines(printed), isShifted: isShifted,
          predictions: folder[RunSpecification.predictions])
      else { continue }
      scores[scoring.model, default: []].append(score)
    }
    let order = Dictionary(uniqueKeysWithValues: study.file.sets.enumerated().map { ($1.name, $0) })
    rows = study.graph.models.map { model in
      let members = Self.members(of: model, study)
      return Row(
        model: model, checkpoint: Self.checkpoint(of: model, study), members: members,
        passes: model.role == .ensemble ? (members ?? model.candidates).count : 1,
        scores: (scores[model.name] ?? []).sorted { order[$0.set]! < order[$1.set]! })
    }
    let ingredients = study.graph.models.filter { $0.role == .ingredient || $0.role == .stage }
    var names: [String] = []
    for parameter in ingredients.flatMap(\.hyperparameters) where !names.contains(parameter.name) {
      names.append(parameter.name)
    }
    varying = names.filter { name in
      name != "seed" && Set(ingredients.map { $0.value(of: name) }).count > 1
    }
  }

  public func row(_ name: String) -> Row? { rows.first { $0.model.name == name } }

  static func checkpoint(of model: StudyModel, _ study: Study) -> String? {
    switch model.source {
    case .run(let run): study.runs[run].map { study.runFolder($0)[RunSpecification.checkpoint] }
    case .file(let path): path
    case .none: nil
    }
  }

  /// Tells models from the paths of their checkpoints.
  static func names(_ study: Study) -> ModelNames { ModelNames(study) }

  private static func members(of model: StudyModel, _ study: Study) -> [String]? {
    switch model.method {
    case nil: return nil
    case "uniform", "mix", "logits", "probabilities", "learned", "layerwise", "sampled", "self": return model.candidates
    case "greedy" where model.role == .ensemble:
      // Each scoring chooses by the same held-out images, and tells whom.
      let names = names(study)
      return study.graph.scorings.filter { $0.model == model.name }.compactMap { scoring in
        JSONValue.lines(study.runs[scoring.run]?.printed ?? "").last?["members"]?.array?.compactMap {
          $0.text.flatMap { names[$0] }
        }
      }.first
    default:
      guard case .run(let run) = model.source, let printed = study.runs[run]?.printed,
        let value = JSONValue.lines(printed).last
      else { return nil }
      let names = names(study)
      if let selected = value["selected"]?.text { return names[selected].map { [$0] } }
      let kept = value["result"]?["kept"] ?? value["kept"]
      return kept?.array?.compactMap { $0.text.flatMap { names[$0] } }
    }
  }
}

extension StudyResults.ModelScore {
  /// - Parameter printed: what `soup evaluate --json` printed; an ensemble's line comes after its members'.
  init?(set: String, printed: [JSONValue], isShifted: Bool, predictions: String?) {
    if isShifted {
      guard let shift = printed.last(where: { $0["shift"] != nil })?["shift"].flatMap(ShiftScore.init) else {
        return nil
      }
      var values: [String: JSONValue] = ["top1": .number(shift.meanAccuracy)]
      if let loss = shift.meanLoss { values["loss"] = .number(loss) }
      if let images = shift.images { values["count"] = .integer(images) }
      self.init(set: set, values: values, predictions: predictions, shift: shift)
    } else {
      guard let values = printed.last(where: { $0["score"]?.object != nil })?["score"]?.object else { return nil }
      self.init(set: set, values: values, predictions: predictions, shift: nil)
    }
  }
}

/// Models by the paths of their checkpoints, as commands print them.
struct ModelNames {
  private let byPath: [String: String]
  /// The folder of a run is named by its identity: it tells the model also after the study was moved.
  private let byFolder: [String: String]

  init(_ study: Study) {
    let models = study.graph.models
    byPath = Dictionary(
      models.compactMap { model in StudyResults.checkpoint(of: model, study).map { ($0, model.name) } }
    ) { first, _ in first }
    byFolder = Dictionary(
      models.compactMap { model in
        if case .run(let name) = model.source, let run = study.runs[name] { (run.folder, model.name) } else { nil }
      }
    ) { first, _ in first }
  }

  subscript(path: String) -> String? {
    if let name = byPath[path] { return name }
    // `…/runs/greedy-1f0c9a77d2/model.safetensors`, or the folder alone, which short names are.
    let parts = path.split(separator: "/")
    let folder = parts.last == Substring(RunSpecification.checkpoint) ? parts.dropLast().last : parts.last
    return folder.flatMap { byFolder[String($0)] }
  }
}

extension StudyModel {
  public func value(of hyperparameter: String) -> String? {
    hyperparameters.first { $0.name == hyperparameter }?.value
  }
}

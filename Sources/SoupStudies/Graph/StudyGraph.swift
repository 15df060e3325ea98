/// Everything a study does: runs, each after those that it needs, and the models and scores that come of them.
public struct StudyGraph: Sendable {
  public private(set) var runs: [RunSpecification] = []
  public private(set) var models: [StudyModel] = []
  public private(set) var scorings: [Scoring] = []
  private var positions: [String: Int] = [:]

  /// A run that scores a model on a set of images.
  public struct Scoring: Sendable, Hashable {
    public let model: String
    public let set: String
    public let run: String
  }

  public subscript(name: String) -> RunSpecification? { positions[name].map { runs[$0] } }
  public func model(_ name: String) -> StudyModel? { models.first { $0.name == name } }

  mutating func add(_ run: RunSpecification) {
    precondition(positions[run.name] == nil && run.needs.allSatisfy { positions[$0] != nil })
    positions[run.name] = runs.count
    runs.append(run)
  }

  mutating func add(_ model: StudyModel) { models.append(model) }
  mutating func change(_ name: String, _ body: (inout StudyModel) -> Void) {
    if let place = models.firstIndex(where: { $0.name == name }) { body(&models[place]) }
  }
  mutating func add(_ scoring: Scoring) { scorings.append(scoring) }

  /// The length of the longest chain of runs that lead to each run: 0 for those that need none.
  public var depths: [String: Int] {
    var depths: [String: Int] = [:]
    for run in runs { depths[run.name] = (run.needs.compactMap { depths[$0] }.max() ?? -1) + 1 }
    return depths
  }

  /// Threads for each run when `workers` run at a time on `cores` cores.
  ///
  /// Runs of equal depth can run side by side and share the cores; a run that is alone at its depth gets all of them. It
  /// depends on the study alone, so that an interrupted study goes on with the same numbers: the last bits of a training
  /// depend on them.
  public func threads(cores: Int, workers: Int) -> [String: Int] {
    let depths = depths
    let widths = Dictionary(grouping: depths.values) { $0 }.mapValues(\.count)
    return depths.mapValues { max(1, cores / min(workers, widths[$0]!)) }
  }
}

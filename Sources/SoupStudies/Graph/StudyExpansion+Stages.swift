/// Stages: models made from models. `M` models of one stage and `N` settings of the next give `M · N` models.
extension StudyExpansion {
  /// Names: `tuned-03`, and where it starts from several models `tuned-mae-02-03`; without a search `probed`, `tuned-mae-02`. The name of the
  /// stage stands for all of them, `tuned-mae-02` for those that come from `mae-02`.
  ///
  /// Every model that the stage starts from gets the same settings. Draws have a stream for each stage, so that another stage leaves
  /// them as they are.
  mutating func stage(_ stage: StudyFile.Stage) {
    let parents = models(stage.from, of: "stages.\(stage.name).from")
    let isStart = file.stages.contains { $0.from.contains(stage.name) }
    let defaults = file.options[stage.command.rawValue] ?? Settings()
    let points = points(stage.search, defaults.merging(stage.search.settings), stream: stage.name)
    var count: UInt64 = 0
    for parent in parents {
      let stem = parents.count == 1 && stage.from.count == 1 ? stage.name : "\(stage.name)-\(parent.name)"
      for (offset, values) in points.enumerated() {
        count += 1
        let name = stage.isNumbered ? "\(stem)-\(Self.digits(offset + 1))" : stem
        let values = seeded(values, 1000 &* file.seed &+ count)
        switch stage.command {
        case .train: train(name, from: parent, values: values, role: isStart ? .stage : .ingredient)
        case .probe: probe(name, from: parent, values: values, role: isStart ? .stage : .ingredient)
        }
        graph.change(name) { model in
          // A classifier follows the features: those that were trained with labels, or found by a probe.
          let objective = model.value(of: "objective") ?? "supervised"
          model.classifies = stage.command == .probe || objective == "supervised"
        }
        group(name, in: stage.name)
        if stem != stage.name, stem != name { group(name, in: stem) }
      }
    }
  }

  private mutating func probe(
    _ name: String, from base: StudyModel, values: [(String, Setting.Value)], role: StudyModel.Role
  ) {
    var words: [RunSpecification.Word] = [.text("probe")] + (base.word.map { [$0] } ?? []) + data()
    for (option, value) in values { words += Self.words(option, value) }
    words += [.text("-o"), .output(RunSpecification.checkpoint), .text("--json")]
    graph.add(
      RunSpecification(
        name: name, kind: .probe, words: words, outputs: [RunSpecification.checkpoint], readings: readings))
    var model = StudyModel(name, role, source: .run(name), hyperparameters: Self.told(values))
    model.parent = base.name
    graph.add(model)
  }
}

import SoupTensors

// What scores models, and commands of the user's own.
extension StudyExpansion {
  /// Models that are asked for, or all that classify.
  mutating func scored(on set: StudyFile.EvaluationSet) -> [String] {
    guard let names = set.of else { return graph.models.filter { $0.classifies && !$0.isCandidate }.map(\.name) }
    return models(names, of: "evaluate.\(set.name).of").map(\.name)
  }

  func scoringName(_ model: String, _ set: String) -> String { model + "." + set }

  mutating func score(_ names: [String], on set: StudyFile.EvaluationSet) {
    for name in names {
      guard let word = graph.model(name)?.word else { continue }
      add([.text("evaluate"), word] + evaluation(set), scoring: name, on: set)
    }
  }

  mutating func add(_ words: [RunSpecification.Word], scoring model: String, on set: StudyFile.EvaluationSet) {
    let name = scoringName(model, set.name)
    guard graph[name] == nil else { return }
    // What each image came to, so that models can be compared image by image.
    let words = words + [.text("--predictions"), .output(RunSpecification.predictions), .text("--json")]
    graph.add(
      RunSpecification(
        name: name, kind: .evaluate, words: words, outputs: [RunSpecification.predictions],
        readings: readings + Self.folder(set)))
    graph.add(StudyGraph.Scoring(model: model, set: set.name, run: name))
  }

  mutating func evaluation(_ set: StudyFile.EvaluationSet) -> [RunSpecification.Word] {
    var words: [RunSpecification.Word] = set.options["data"] == nil ? data() : []
    words += [.text("--split"), .text(set.split)]
    if let shift = set.shift { words += [.text("--shift"), .text(shift)] }
    for item in (file.options["evaluate"] ?? Settings()).merging(set.options).items {
      words += optionWords(item, "evaluate.\(set.name)")
    }
    return words
  }

  mutating func step(_ step: StudyFile.Step) {
    var words: [RunSpecification.Word] = []
    for word in step.command { words += replaced(word, "steps.\(step.name)", outputs: step.outputs) }
    if !step.command.contains("--json") { words.append(.text("--json")) }
    graph.add(
      RunSpecification(
        name: step.name, kind: .step, words: words, outputs: step.outputs, readings: readings,
        takesThreads: step.takesThreads, record: step.record))
  }
}

import SoupTensors

// Soups, ensembles and the runs that make them.
extension StudyExpansion {
  mutating func soups(_ soup: StudyFile.Soup) {
    let members = models(soup.of, of: "soups.\(soup.name)")
    guard soup.isForEach else { return self.soup(soup, members) }
    // In the order of the models that their members come from.
    var groups: [(parent: String, members: [StudyModel])] = []
    for member in members {
      let parent = member.parent ?? "none"
      if let place = groups.firstIndex(where: { $0.parent == parent }) {
        groups[place].members.append(member)
      } else {
        groups.append((parent, [member]))
      }
    }
    for group in groups {
      var own = soup
      own.name = "\(soup.name)-\(group.parent)"
      self.soup(own, group.members)
      self.group(own.name, in: soup.name)
      // Others are made of them, or one of them is chosen.
      graph.change(own.name) { $0.role = .stage }
    }
  }

  mutating func soup(_ soup: StudyFile.Soup, _ members: [StudyModel]) {
    let sources = members.compactMap(\.word)
    var run = RunSpecification(name: soup.name, kind: .season, words: [], outputs: [RunSpecification.checkpoint])
    var role = StudyModel.Role.soup
    switch soup.method {
    case "best":
      // The best of soups is no single model.
      role = members.allSatisfy { $0.role == .ingredient || $0.role == .base } ? .best : .soup
      run.kind = .select
      run.takesThreads = false
      let set = file.sets.first { $0.isSelection && !$0.isShift }!
      run.words = [.text("study"), .text("select")]
      for member in members {
        if !member.classifies {
          problems.append(
            "soups.\(soup.name): '\(member.name)' has no classifier yet, so none can be the best by accuracy")
        }
        score([member.name], on: set)
        run.words += [
          .text("--score"), .result(of: scoringName(member.name, set.name), file: RunSpecification.printed),
        ]
      }
      run.words += sources
    case "uniform", "mix":
      run.kind = .mix
      run.words = [.text("mix")] + sources
    default:
      run.words = [.text("season"), .text(soup.method)] + sources + data()
      run.readings = readings
    }
    let defaults = file.options[run.kind.rawValue] ?? Settings()
    for item in defaults.merging(soup.options).items { run.words += optionWords(item, "soups.\(soup.name)") }
    run.words += [.text("-o"), .output(RunSpecification.checkpoint), .text("--json")]
    graph.add(run)
    var model = StudyModel(
      soup.name, role, method: soup.method, source: .run(soup.name), candidates: members.map(\.name))
    model.classifies = members.allSatisfy(\.classifies)
    graph.add(model)
  }

  mutating func ensemble(_ ensemble: StudyFile.Ensemble) {
    let members = models(ensemble.of, of: "ensembles.\(ensemble.name)")
    graph.add(
      StudyModel(
        ensemble.name, .ensemble, method: ensemble.method, source: .none, candidates: members.map(\.name)))
    for set in file.sets {
      var words: [RunSpecification.Word] = [.text("evaluate")] + members.compactMap(\.word)
      words += [.text("--ensemble"), .text(ensemble.method)]
      words += evaluation(set)
      for item in ensemble.options.items { words += optionWords(item, "ensembles.\(ensemble.name)") }
      add(words, scoring: ensemble.name, on: set)
    }
  }
}

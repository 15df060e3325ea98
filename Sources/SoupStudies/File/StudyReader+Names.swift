import Yams

extension StudyReader {
  /// Every name once, and every name that is used known.
  mutating func checkNames(_ file: StudyFile) {
    var seen: Set<String> = ["base", "ingredients"]
    let names =
      file.stages.map(\.name) + file.soups.map(\.name) + file.ensembles.map(\.name) + file.pairs.map(\.name)
      + file.steps.map(\.name) + (file.similarities == nil ? [] : ["similarities"])
    for name in names {
      if !seen.insert(name).inserted || name.hasPrefix("ingredient-") || name.hasPrefix("branch-") {
        problems.append(
          "'\(name)' is the name of two things; stages, soups, ensembles, pairs and steps need names of their own")
      }
    }
    let kinds = [file.ingredients != nil, !file.stages.isEmpty, file.branches != nil].count { $0 }
    if kinds == 0, !file.soups.isEmpty || !file.ensembles.isEmpty || !file.pairs.isEmpty {
      problems.append("soups, ensembles and pairs need 'ingredients', 'stages' or 'branches'")
    }
    if kinds > 1 {
      problems.append("a study has one of 'ingredients', 'stages', 'branches'; a study of each may share a base")
    }
    checkStages(file)
    if file.base == nil, let ingredients = file.ingredients {
      if ingredients.includesBase { problems.append("ingredients.include-base: the study has no 'base'") }
      if ingredients.search != .files, ingredients.settings["model"] == nil {
        problems.append("the study needs a 'base', or ingredients.settings.model to train from scratch")
      }
    }
    let sets = file.sets.map(\.name)
    for name in Set(sets) where sets.count(where: { $0 == name }) > 1 {
      problems.append("evaluate: '\(name)' is there twice")
    }
    for soup in file.soups where soup.method == "best" && !file.sets.contains(where: { $0.isSelection && !$0.isShift })
    {
      problems.append(
        "soups.\(soup.name): the best model is chosen on held-out images; evaluate needs a set with 'split: held-out'")
    }
  }
}

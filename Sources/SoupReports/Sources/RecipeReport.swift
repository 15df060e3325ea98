import SoupAnalysis

/// The part of a study's report that compares recipes of soups, over one or several seeds: supervised soup, Self-Soup, …
enum RecipeReport {
  /// - Parameter studies: the records of each study; several differ in their seed.
  static func add(_ studies: [StudyRecords], to report: inout Report) {
    let tables = studies.map(StudyTable.table)
    let recipes = RecipeTable(tables)
    let contrasts = ContrastFigure.contrasts(studies)
    var sections: [ReportSection] = []
    if recipes.isComparison || !contrasts.isEmpty {
      sections.append(
        ReportSection(
          id: "recipes", title: "The recipes", tables: recipes.isComparison ? [RecipeFigures.table(recipes)] : [],
          figures: [ContrastFigure.figure(contrasts), recipes.isComparison ? RecipeFigures.sets(recipes) : nil]
            .compactMap(\.self)))
    }
    if recipes.isComparison {
      var sets: [String] = []
      for record in studies.flatMap({ $0["corruption"] }) {
        if let set = record["set"]?.string, !sets.contains(set) { sets.append(set) }
      }
      let figures = sets.compactMap { set in
        RecipeFigures.corruptions(recipes, studies.map { $0["corruption"] }, set: set)
      }
      if !figures.isEmpty {
        sections.append(ReportSection(id: "recipes-corruptions", title: "Corruption by corruption", figures: figures))
      }
    }
    let coefficients = RecipeFigures.coefficients(studies, tables)
    let objectives = ObjectiveCurves.figures(studies)
    if !objectives.isEmpty || (!coefficients.isEmpty && recipes.isComparison) {
      sections.append(
        ReportSection(
          id: "objectives", title: "How the ingredients were made",
          figures: objectives + (recipes.isComparison ? coefficients : [])))
    }
    guard !sections.isEmpty else { return }
    let findings =
      contrasts.compactMap(finding) + (contrasts.isEmpty && recipes.isComparison ? self.findings(recipes) : [])
    if !findings.isEmpty {
      report.findings = findings + (studies.count > 1 ? [] : report.findings)
      if studies.count > 1 { report.lead = "Over \(studies.count) seeds:" }
    }
    report.sections = sections + report.sections
  }

  private static func finding(_ contrast: ContrastFigure.Contrast) -> Finding? {
    guard let mean = contrast.mean else { return nil }
    let place = contrast.set.map { "on \($0)" } ?? "under shift"
    var text = "\(Text.points(mean.mean)) points over \(contrast.against) \(place)"
    if let interval = mean.interval {
      text +=
        " (\(Text.points(interval)), \(mean.count > 1 ? "over \(mean.count) seeds" : "over images, one seed")"
        + "\(interval.contains(0) ? ": not told apart" : ""))"
    }
    return Finding(name: contrast.model, text: text + ".")
  }

  /// Where the study asks nothing: the best mix of each recipe against the first recipe's.
  private static func findings(_ recipes: RecipeTable) -> [Finding] {
    guard let reference = recipes.recipes.first,
      let mix = ["uniform", "greedy", "best"].first(where: { recipes.entries[.init(recipe: reference, mix: $0)] != nil }
      )
    else { return [] }
    return recipes.recipes.dropFirst().compactMap { recipe in
      let own = recipes.entries[.init(recipe: recipe, mix: mix)] ?? []
      let base = recipes.entries[.init(recipe: reference, mix: mix)] ?? []
      let texts = recipes.columns.compactMap { column -> String? in
        let differences = own.compactMap { entry -> Double? in
          guard let other = base.first(where: { $0.study == entry.study }),
            let a = column.measurement(entry.study, entry.model), let b = column.measurement(other.study, other.model)
          else { return nil }
          return a.accuracy - b.accuracy
        }
        guard let estimate = SeedEstimate(differences) else { return nil }
        return "\(Text.points(estimate.mean)) on \(column.title)"
          + (estimate.interval.map { " (\(Text.points($0))\($0.contains(0) ? ": not told apart" : ""))" } ?? "")
      }
      guard !texts.isEmpty else { return nil }
      return Finding(
        name: "\(RecipeFigures.title(recipe)), \(mix),",
        text: "against \(RecipeFigures.title(reference)): \(Text.list(texts)), in points"
          + (recipes.studies.count > 1 ? " over \(recipes.studies.count) seeds." : "; one seed."))
    }
  }
}

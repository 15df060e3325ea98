/// The report on a study: what `soup study export` writes, or any part of it.
public enum StudyReport {
  /// - Parameter others: the same study under other seeds: recipes are averaged over all, everything else is of the first.
  /// - Throws: `ReportError` when there is no record at all.
  public static func report(
    _ records: StudyRecords, others: [StudyRecords] = [], title: String? = nil, sources: [String]
  ) throws(ReportError) -> Report {
    guard !records.isEmpty else {
      throw ReportError(
        .empty, path: sources.first, ["holds no records"], advice: "expected what 'soup study export' writes")
    }
    let table = StudyTable.table(records)
    var report = Report(
      title: title ?? records.study?["name"]?.string ?? "Study", subtitle: subtitle(table, records),
      lead: Findings.lead(table), findings: Findings.list(table))
    if table.headline.isEmpty, records["pair"].isEmpty {
      report.missing.append("The table of results: needs scored models.")
    } else if !table.headline.isEmpty {
      report.sections.append(
        ReportSection(
          id: "result", title: "The result", tables: [HeadlineTable(table).reportTable],
          figures: GainPerSet.figure(table).map { [$0] } ?? []))
    }
    ResultFigures.add(table, to: &report)
    shifts(records, table, &report)
    seasoning(records, &report)
    landscape(records, table, &report)
    if !others.isEmpty {
      report.subtitle += "; \(others.count + 1) seeds"
      report.missing.append(
        "Seeds: recipes, questions, shares and objectives are of all \(others.count + 1) studies, every other table and figure of the first."
      )
    }
    let training = TrainingCurves.figures(records["training"], table)
    section("training", "Training", training, "Training curves: need training logs.", &report)
    RecipeReport.add([records] + others, to: &report)
    BranchingReport.add(records, to: &report)
    runs(records, sources, &report)
    return report
  }

  private static func subtitle(_ table: ResultTable, _ records: StudyRecords) -> String {
    let singles = table.models.count { $0.kind == .ingredient }
    var parts: [String] = []
    if singles > 0 { parts.append(Text.count(singles, "ingredient")) }
    var kinds: [String] = []
    for kind in table.mixtures.map({ $0.kind.title.lowercased() }) where !kinds.contains(kind) { kinds.append(kind) }
    if !kinds.isEmpty { parts.append(Text.list(kinds)) }
    // `fashion-mnist:data/fashion-mnist`: where it is belongs to how it was run.
    let data = records.study?["data"]?.string.map { String($0.prefix { $0 != ":" }) }
    return parts.joined(separator: "; ") + (data.map { parts.isEmpty ? $0 : ", on \($0)" } ?? "")
  }

  private static func section(
    _ id: String, _ title: String, _ figures: [Figure], _ missing: String, _ report: inout Report
  ) {
    if figures.isEmpty {
      report.missing.append(missing)
    } else {
      report.sections.append(ReportSection(id: id, title: title, figures: figures))
    }
  }

  private static func shifts(_ records: StudyRecords, _ table: ResultTable, _ report: inout Report) {
    let figures = groups(records["corruption"], by: ["set"]).flatMap {
      CorruptionMaps.figures($0.records, set: $0.name, table)
    }
    section(
      "corruptions", "Under corruption", figures,
      "Corruptions: need a set of images with a computed shift (evaluate: {NAME: {shift: cifar-c}} in the study's file).",
      &report)
  }

  private static func seasoning(_ records: StudyRecords, _ report: inout Report) {
    let paths = groups(records["greedy"], by: ["model"]).compactMap { GreedyPath.figure($0.records, name: $0.name) }
    let shares = groups(records["coefficient"], by: ["model"]).compactMap {
      CoefficientFigure.figure($0.records, name: $0.name)
    }
    if paths.isEmpty { report.missing.append("Greedy path: needs the trace of a greedy search.") }
    section(
      "seasoning", "How the soups were found", paths + shares, "Shares of learned soups: need their coefficients.",
      &report)
  }

  private static func landscape(_ records: StudyRecords, _ table: ResultTable, _ report: inout Report) {
    func title(_ set: String) -> String { set.isEmpty ? "the images" : set }
    var figures: [Figure] = []
    for sweep in groups(records["line"], by: ["name"]) {
      let barriers = records["barrier"].filter { $0["name"]?.string == sweep.name }
      figures += AlphaCurves.figures(sweep.records, barriers: barriers, name: sweep.name, titles: title)
    }
    if figures.isEmpty { report.missing.append("Interpolation curves: need a sweep over alpha (soup landscape line).") }
    var maps: [Figure] = []
    for map in groups(records["plane"], by: ["name", "set"]) {
      let marks = records["mark"].filter { $0["name"]?.string == map.name }
      for metric in ["top1", "loss"] {
        PlaneMap.figure(map.records, marks: marks, name: map.name, set: title(map.set), metric: metric).map {
          maps.append($0)
        }
      }
    }
    if maps.isEmpty { report.missing.append("Plane through three models: needs a grid (soup landscape plane).") }
    let planes = maps.count
    maps += simplexes(records)
    if maps.count == planes {
      report.missing.append("Mixtures of three: need a ternary grid (soup landscape simplex).")
    }
    pairs(records, &figures, &report)
    if !(figures + maps).isEmpty {
      report.sections.append(
        ReportSection(
          id: "landscape", title: "The landscape",
          paragraphs: ["Models made by moving through the space of weights, and how well each does."],
          figures: figures + maps))
    }
  }

  /// Every ternary grid as maps.
  static func simplexes(_ records: StudyRecords) -> [Figure] {
    groups(records["simplex"], by: ["name", "set"]).flatMap { map in
      let marks = records["mark"].filter { $0["name"]?.string == map.name }
      return ["top1", "loss"].compactMap {
        SimplexMap.figure(
          map.records, marks: marks, name: map.name, set: map.set.isEmpty ? "the images" : map.set, metric: $0)
      }
    }
  }

  private static func pairs(_ records: StudyRecords, _ figures: inout [Figure], _ report: inout Report) {
    let angles = groups(records["angles"], by: ["name"]).compactMap { PairAngles.figure($0.records, name: $0.name) }
    if angles.isEmpty {
      report.missing.append("Angles and interpolation advantage: need pairs of models (soup landscape angles).")
    }
    let lines = groups(records["approximation"], by: ["name"]).map { (name: $0.name, records: $0.records) }
    let approximations = SoupVersusEnsemble.figures(lines)
    if approximations.isEmpty {
      report.missing.append("Soup against ensemble: needs both on a line (soup landscape approximation).")
    }
    figures += angles + approximations
  }

  private struct Group {
    let name: String
    let set: String
    var records: [JSON]
  }

  /// Records that agree in the fields, in the order of their first.
  private static func groups(_ records: [JSON], by fields: [String]) -> [Group] {
    var groups: [Group] = []
    var places: [[String]: Int] = [:]
    for record in records {
      let key = fields.map { record[$0]?.string ?? "" }
      if let place = places[key] {
        groups[place].records.append(record)
      } else {
        places[key] = groups.count
        groups.append(
          Group(name: key[0].isEmpty ? "unnamed" : key[0], set: key.count > 1 ? key[1] : "", records: [record]))
      }
    }
    return groups
  }

  private static func runs(_ records: StudyRecords, _ sources: [String], _ report: inout Report) {
    let study = records.study
    for record in records["run"] {
      if let command = record["command"]?.array?.compactMap(\.string), !command.isEmpty {
        report.commands.append(command.map(quoted).joined(separator: " "))
      }
    }
    var facts: [(term: String, value: String)] = [("Results", sources.joined(separator: ", "))]
    if let version = study?["soup"]?.string { facts.append(("Made by", "soup \(version)")) }
    if let data = study?["data"]?.string { facts.append(("Data", data)) }
    if let seed = study?["seed"] { facts.append(("Seed", Text.value(seed))) }
    if let runs = study?["runs"]?.object {
      facts.append(("Runs", Text.list(runs.sorted { $0.key < $1.key }.map { "\(Text.value($0.value)) \($0.key)" })))
    }
    if let seconds = study?["seconds"]?.number {
      facts.append(("Time", "\(Text.fixed(seconds / 60, 1)) minutes, summed over runs"))
    }
    let times = [study?["started"]?.string, study?["finished"]?.string].compactMap { $0 }
    if !times.isEmpty { facts.append(("When", times.joined(separator: " to "))) }
    let hosts = Set(records["run"].compactMap { $0["host"]?.string }).sorted()
    if !hosts.isEmpty { facts.append(("Machines", hosts.joined(separator: ", "))) }
    let failed = records["run"].filter { $0["state"]?.string == "failed" }
    for run in failed {
      report.missing.append("\(run["run"]?.string ?? "A run") failed: \(run["error"]?.string ?? "no reason is known").")
    }
    report.provenance = facts
    report.configuration = study?["yaml"]?.string
  }

  private static func quoted(_ argument: String) -> String {
    let plain = argument.allSatisfy { $0.isLetter || $0.isNumber || "-_./=,:+@%".contains($0) }
    return plain && !argument.isEmpty ? argument : "'" + argument.replacing("'", with: "'\\''") + "'"
  }
}

/// The report on a table of published results.
public enum ModelSoupsReport {
  public static func report(_ table: ResultTable, title: String, sources: [String]) -> Report {
    let singles = table.singles.count
    let headline = HeadlineTable(table)
    var report = Report(
      title: title,
      subtitle:
        "\(Text.count(singles, "single model")), \(Text.list(table.mixtures.map { table.kind(of: $0).title.lowercased() })), "
        + "on \(table.sets.count) sets of images",
      lead: Findings.lead(table), findings: Findings.list(table))
    report.sections.append(
      ReportSection(
        id: "result", title: "The result", tables: [headline.reportTable],
        figures: GainPerSet.figure(table).map { [$0] } ?? []))
    ResultFigures.add(table, to: &report)
    report.provenance = [("Results", sources.joined(separator: ", "))]
    report.missing += [
      "Greedy path, interpolation curves, planes and training curves: published tables hold no such records; "
        + "a study does (soup report)."
    ]
    return report
  }
}

/// What `soup landscape` printed, as records.
extension StudyExport {
  /// Points of a landscape: one on each line that a step printed, or the elements of `points` on its only line.
  func step(_ specification: RunSpecification) -> [Record] {
    guard let run = study.runs[specification.name], run.state == .done else { return [] }
    let lines = JSONValue.lines(run.printed ?? "")
    guard let kind = specification.record else {
      return lines.map { ["record": .text("result"), "run": .text(run.name), "value": $0] }
    }
    let names = StudyResults.names(study)
    func renamed(_ value: JSONValue) -> JSONValue { value.text.flatMap { names[$0] }.map(JSONValue.text) ?? value }
    var records: [Record] = []
    for line in lines {
      let common = (line.object ?? [:]).filter { ["from", "to", "set", "split"].contains($0.key) }.mapValues(renamed)
      for point in (line["points"] ?? line["pairs"])?.array ?? [line] {
        guard let values = point.object else { continue }
        var record = common.merging(values.mapValues(renamed)) { _, own in own }
        // A point may carry a whole score.
        if let score = record["score"]?.object {
          record["score"] = nil
          record.merge(score) { own, _ in own }
        }
        record["record"] = .text(kind)
        record["name"] = .text(run.name)
        records.append(record)
      }
      // Of loss and of error, each with a height, its place and an interval.
      for (metric, barrier) in (line["barrier"]?.object ?? [:]).sorted(by: { $0.key < $1.key }) {
        guard var record = barrier.object else { continue }
        record.merge(common) { own, _ in own }
        record["record"] = .text("barrier")
        record["name"] = .text(run.name)
        record["metric"] = .text(metric)
        records.append(record)
      }
      for mark in line["marks"]?.array ?? line["models"]?.array ?? [] {
        guard var record = mark.object?.mapValues(renamed) else { continue }
        record["record"] = .text("mark")
        record["name"] = .text(run.name)
        if record["model"] == nil { record["model"] = record["path"] ?? record["checkpoint"] }
        records.append(record)
      }
    }
    return records
  }
}

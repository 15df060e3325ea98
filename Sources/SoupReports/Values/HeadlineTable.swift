import SoupAnalysis

/// The table at the top: initialisation, best single model, soups and ensembles, on every set, with 95 % intervals.
public struct HeadlineTable {
  public struct Row: Sendable, Encodable {
    public var kind: String
    public var model: String
    /// Models mixed, where known.
    public var ingredients: Int?
    public var passes: Int?
    public var heldOut: Double?
    public var test: Double?
    public var shifts: [String: Double]
    public var meanShift: Double?

    private enum CodingKeys: String, CodingKey {
      case kind, model, ingredients, passes, test, shifts
      case heldOut = "held_out"
      case meanShift = "mean_shift"
    }
  }

  public let table: ResultTable
  public init(_ table: ResultTable) { self.table = table }

  public var rows: [Row] {
    table.headline.map { model in
      Row(
        kind: table.kind(of: model).title, model: model.name, ingredients: model.members?.count, passes: model.passes,
        heldOut: table.heldOut.flatMap { model.accuracy(on: $0) }, test: table.test.flatMap { model.accuracy(on: $0) },
        shifts: Dictionary(
          table.shifts.compactMap { set in model.accuracy(on: set).map { (set, $0) } }, uniquingKeysWith: { a, _ in a }),
        meanShift: table.shiftAccuracy(of: model))
    }
  }

  /// The table for the page.
  public var reportTable: ReportTable {
    let models = table.headline
    let score = { (model: EvaluatedModel) in table.test.flatMap { model.scores[$0] } }
    let showsLoss = models.contains { score($0)?.loss != nil }
    let showsPasses = models.contains { $0.passes ?? 1 > 1 }
    var titles = ["model"] + measures.map(\.title)
    var fields = ["model", "kind"] + measures.flatMap { [$0.field, $0.field + " low", $0.field + " high"] }
    let gains = self.gains
    for gain in gains {
      titles.append(gain.title)
      fields += ["", " low", " high", " p"].map { gain.title + $0 }
    }
    if showsLoss {
      titles += ["test loss", "test ECE"]
      fields += ["test loss", "test ECE"]
    }
    if showsPasses { titles.append("passes") }
    fields += ["ingredients", "passes"]

    let best = measures.map { measure in models.compactMap(measure.value).max() }
    var rows: [ReportTable.Row] = []
    var data = DataTable(fields)
    for model in models {
      var cells: [ReportTable.Cell] = []
      var numbers: [JSON] = [.string(model.name), .string(table.kind(of: model).title)]
      for (measure, best) in zip(measures, best) {
        let (value, interval) = (measure.value(model), measure.interval(model))
        cells.append(
          .init(
            value.map { Text.percent($0) } ?? "–", note: interval.map { "±\(Text.percent($0.halfWidth))" } ?? "",
            isBest: value != nil && value == best))
        numbers += [JSON(value), JSON(interval?.lower), JSON(interval?.upper)]
      }
      for gain in gains {
        let comparison = gain.value(model)
        cells.append(
          comparison.map {
            .init(
              Text.points($0.difference), note: "\(Text.points($0.interval))\n\(Text.pValue($0.pValue))")
          } ?? .init("–"))
        numbers += [
          comparison?.difference, comparison?.interval.lower, comparison?.interval.upper, comparison?.pValue,
        ].map { JSON($0) }
      }
      if showsLoss {
        let (loss, error) = (score(model)?.loss, score(model)?.calibrationError)
        cells += [.init(loss.map { Text.fixed($0, 4) } ?? "–"), .init(error.map { Text.percent($0) } ?? "–")]
        numbers += [JSON(loss), JSON(error)]
      }
      if showsPasses { cells.append(.init(model.passes.map(String.init) ?? "1")) }
      numbers += [JSON(model.members.map { Double($0.count) }), JSON(model.passes.map(Double.init))]
      rows.append(
        .init(name: table.kind(of: model).title, note: note(model), kind: table.kind(of: model), cells: cells))
      data.add(numbers)
    }
    return ReportTable(id: "headline", caption: caption, columns: titles, rows: rows, data: data)
  }

  /// Differences to the best single model on the same images.
  private var gains: [(title: String, value: (EvaluatedModel) -> PairedComparison?)] {
    var gains: [(title: String, value: (EvaluatedModel) -> PairedComparison?)] = []
    if let test = table.test { gains.append(("gain on \(table.title(of: test))", { $0.scores[test]?.gain })) }
    if !table.shifts.isEmpty { gains.append(("gain under shift", { table.shiftGain(of: $0) })) }
    return gains.filter { gain in table.headline.contains { gain.value($0) != nil } }
  }

  private struct Measure {
    let field: String
    let title: String
    let value: (EvaluatedModel) -> Double?
    let interval: (EvaluatedModel) -> Interval?
  }

  private var measures: [Measure] {
    var measures = table.sets.map { set in
      Measure(
        field: set, title: table.title(of: set), value: { $0.accuracy(on: set) }, interval: { $0.scores[set]?.interval }
      )
    }
    if table.shifts.count > 1 {
      measures.append(
        Measure(
          field: "mean of shifts", title: "mean of shifts", value: table.shiftAccuracy(of:),
          interval: table.shiftInterval(of:)))
    }
    return measures
  }

  /// The name of a single model, the size of a mixture.
  private func note(_ model: EvaluatedModel) -> String {
    switch table.kind(of: model) {
    case .base, .ingredient, .best: model.ownName
    case .mixture: model.members.map { Text.count($0.count, "model") } ?? ""
    }
  }

  private var caption: String {
    var text = "Top-1 accuracy in percent"
    let hasIntervals = table.headline.contains { model in table.sets.contains { model.scores[$0]?.count != nil } }
    if hasIntervals { text += ", ± half of a 95 % interval (Wilson) for the sampling of the images" }
    if !gains.isEmpty {
      text +=
        "; the gains are differences to the best single model on the same images, in points, with paired bootstrap "
        + "intervals (95 %) and McNemar's exact p"
      if gains.contains(where: { $0.title == "gain under shift" }) {
        text += " (under shift the sign-flip test's, where an image counts by the share of its versions that are right)"
      }
    } else if hasIntervals {
      text += "; the differences between rows scored on the same images are known better than these intervals suggest"
    }
    text += "."
    if let heldOut = table.heldOut {
      text += " Models were chosen by the \(table.title(of: heldOut)) column: it flatters what was chosen."
    }
    return text + " Bold: the highest of a column, whether or not it is told apart."
  }
}

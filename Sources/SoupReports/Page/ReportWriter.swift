import Foundation

/// Writes a report: the page, and beside it a folder with every figure as SVG, PNG, PDF and CSV.
public struct ReportWriter: Sendable {
  /// What was written.
  public struct Outcome: Sendable, Encodable {
    public var page: String
    public var bytes: Int
    public var figures: Int
    /// Folder of the figures' files; nil when none was asked for.
    public var folder: String?
    /// Why the page shows no figures; nil when it does.
    public var withoutFigures: String?
  }

  public var converter: VegaConverter?

  /// - Parameter converter: nil writes tables and data only, and the page says what is missing.
  public init(converter: VegaConverter?) { self.converter = converter }

  /// - Parameters:
  ///   - path: the page; replaced as a whole.
  ///   - folder: where to put the figures' files; nil for none.
  public func write(_ report: Report, to path: String, figuresIn folder: String? = nil) throws(ReportError) -> Outcome {
    var report = report
    var rendering: Rendering?
    var reason: String?
    if report.figures.isEmpty {
      reason = nil
    } else if let converter {
      rendering = try converter.render(report.figures)
    } else {
      reason = VegaConverter.advice
      report.missing.insert(
        "\(Text.count(report.figures.count, "figure")), drawn: \(VegaConverter.advice). Their data are here as CSV.",
        at: 0)
    }
    if let rendering { report.provenance.append(("Figures", rendering.version)) }
    do {
      let html = try ReportPage(report: report, rendering: rendering).html()
      try put(Data(html.utf8), path)
      if let folder { try files(of: report, rendering, in: folder) }
      return Outcome(
        page: path, bytes: html.utf8.count, figures: rendering == nil ? 0 : report.figures.count, folder: folder,
        withoutFigures: reason)
    } catch {
      throw ReportError(.file, path: path, ["cannot be written: \(JSONLines.reason(error))"])
    }
  }

  private func files(of report: Report, _ rendering: Rendering?, in folder: String) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for table in report.sections.flatMap(\.tables) { try put(Data(table.data.csv.utf8), "\(folder)/\(table.id).csv") }
    for figure in report.figures {
      for file in figure.csvFiles { try put(Data(file.text.utf8), "\(folder)/\(file.name)") }
      try put(Data(figure.standalone(.light).text.utf8), "\(folder)/\(figure.id).vl.json")
      guard let picture = rendering?.figures[figure.id] else { continue }
      try put(picture.svg, "\(folder)/\(figure.id).svg")
      try put(picture.png, "\(folder)/\(figure.id).png")
      try put(picture.pdf, "\(folder)/\(figure.id).pdf")
    }
  }

  private func put(_ data: Data, _ path: String) throws { try data.write(to: URL(filePath: path), options: .atomic) }
}

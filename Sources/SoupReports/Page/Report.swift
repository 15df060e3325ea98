/// A page to be: words, tables and figures in order. `ReportWriter` makes a file of it.
public struct Report: Sendable {
  public var title: String
  /// One sentence over everything: what was compared.
  public var subtitle: String
  /// What the findings are relative to.
  public var lead: String?
  /// The findings with their numbers.
  public var findings: [Finding]
  public var sections: [ReportSection]
  /// What was left out for want of data, each with what it would need.
  public var missing: [String]
  /// How it was run: pairs of a term and its explanation.
  public var provenance: [(term: String, value: String)]
  /// Commands that were run, one a line.
  public var commands: [String]
  /// The study's file.
  public var configuration: String?

  public init(
    title: String, subtitle: String, lead: String? = nil, findings: [Finding] = [], sections: [ReportSection] = [],
    missing: [String] = [],
    provenance: [(term: String, value: String)] = [], commands: [String] = []
  ) {
    self.title = title
    self.subtitle = subtitle
    self.lead = lead
    self.findings = findings
    self.sections = sections
    self.missing = missing
    self.provenance = provenance
    self.commands = commands
  }

  public var figures: [Figure] { sections.flatMap(\.figures) }
}

/// One mixture against the best single model, in words.
public struct Finding: Sendable {
  public var name: String
  public var text: String
  public var kind: ModelKind?

  public init(name: String, text: String, kind: ModelKind? = nil) {
    self.name = name
    self.text = text
    self.kind = kind
  }
}

/// A heading with what stands below it.
public struct ReportSection: Sendable {
  public var id: String
  public var title: String
  public var paragraphs: [String]
  public var tables: [ReportTable]
  public var figures: [Figure]

  public init(
    id: String, title: String, paragraphs: [String] = [], tables: [ReportTable] = [], figures: [Figure] = []
  ) {
    self.id = id
    self.title = title
    self.paragraphs = paragraphs
    self.tables = tables
    self.figures = figures
  }
}

/// A table for people. The first column names the row.
public struct ReportTable: Sendable {
  public struct Cell: Sendable {
    public var text: String
    /// Smaller, behind the text: `± 0.34`.
    public var note: String
    /// The best of its column.
    public var isBest: Bool
    public init(_ text: String, note: String = "", isBest: Bool = false) {
      self.text = text
      self.note = note
      self.isBest = isBest
    }
  }

  public struct Row: Sendable {
    public var name: String
    public var note: String
    /// The kind of model, which gives the row its mark.
    public var kind: ModelKind?
    public var cells: [Cell]

    public init(name: String, note: String = "", kind: ModelKind? = nil, cells: [Cell]) {
      self.name = name
      self.note = note
      self.kind = kind
      self.cells = cells
    }
  }

  /// Name of its CSV file.
  public var id: String
  public var caption: String
  /// Titles of the columns, that of the rows' names first.
  public var columns: [String]
  public var rows: [Row]
  public var data: DataTable

  public init(id: String, caption: String, columns: [String], rows: [Row], data: DataTable) {
    self.id = id
    self.caption = caption
    self.columns = columns
    self.rows = rows
    self.data = data
  }
}

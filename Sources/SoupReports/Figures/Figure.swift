/// One figure: a Vega-Lite specification with its data, and the words that go with it.
///
/// Colours in the specification are names from `ChartTheme` (`@red`), so that one specification serves light, dark and
/// print. It has no width: the page gives it the reader's.
public struct Figure: Sendable {
  /// How much room it takes on the page.
  public enum Layout: String, Sendable {
    /// The full measure.
    case wide
    /// One of two side by side.
    case half
    /// One of three side by side.
    case small
    /// As wide as high, one unit as long in both directions: maps.
    case square

    /// In files, pixels.
    var width: Double {
      switch self {
      case .wide: 680
      case .half: 440
      case .small: 330
      case .square: 440
      }
    }
  }

  /// Name of its files, and its anchor on the page.
  public var id: String
  public var title: String
  /// What is shown, and how every quantity in it is defined.
  public var caption: String
  /// What it shows, for those who do not see it.
  public var alternative: String
  public var layout: Layout
  /// Width over height of the drawing area.
  public var aspect: Double
  /// In pixels, however narrow the page: what its rows need.
  public var minimumHeight: Double
  /// Vega-Lite 5 or newer, without `width`, `height` and `datasets`.
  public var specification: JSON
  /// The datasets by the name the specification uses. Each is also a CSV file.
  public var tables: [String: DataTable]

  public init(
    id: String, title: String, caption: String, alternative: String, layout: Layout = .wide, aspect: Double = 1.8,
    minimumHeight: Double = 0, specification: JSON, tables: [String: DataTable]
  ) {
    self.id = id
    self.title = title
    self.caption = caption
    self.alternative = alternative
    self.layout = layout
    self.aspect = aspect
    self.minimumHeight = minimumHeight
    self.specification = specification
    self.tables = tables
  }

  /// The specification with its data, colours still by name.
  public var withData: JSON {
    specification.merging([
      "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
      "datasets": .object(tables.mapValues(\.values)),
      "usermeta": [
        "layout": .string(layout.rawValue), "aspect": .number(aspect), "minimumHeight": .number(minimumHeight),
      ],
    ])
  }

  /// The figure as files want it: colours and sizes fixed.
  public func standalone(_ theme: ChartTheme, width: Double? = nil) -> JSON {
    let width = width ?? layout.width
    return theme.resolving(withData).merging([
      "width": .number(width), "height": .number(max(width / aspect, minimumHeight).rounded()),
      "autosize": ["type": "pad"], "background": .string(theme.colors["paper"] ?? "#ffffff"),
      "padding": 12,
      // A label for every mark would be most of the file; the page describes the figure as a whole.
      "config": theme.configuration.merging(["aria": false]),
    ])
  }

  /// File names and contents of the data: `ID.csv`, or `ID-DATASET.csv` where there are several.
  public var csvFiles: [(name: String, text: String)] {
    tables.sorted { $0.key < $1.key }.map { name, table in
      (tables.count == 1 || name == "data" ? "\(id).csv" : "\(id)-\(name).csv", table.csv)
    }
  }
}

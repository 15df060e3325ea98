/// Colours and typography of figures, for light pages, dark pages and files.
///
/// The palette is Okabe and Ito's (2008), told apart with any colour vision, with lightness adapted to the background;
/// kinds of models also differ in shape. Maps use a perceptually even ramp in one direction.
public struct ChartTheme: Sendable {
  /// By name without the `@` that marks a colour in a specification.
  public let colors: [String: String]
  public let ramp: [String]
  /// From worse through no difference to better.
  public let diverging: [String]

  public static let light = ChartTheme(
    colors: [
      "paper": "#ffffff", "ink": "#1d2530", "text": "#4a5565", "faint": "#9aa5b4", "grid": "#e8ebef", "line": "#c6ccd5",
      "blue": "#0a6ebd", "red": "#d1410c", "green": "#00875f", "amber": "#c98500", "violet": "#7a4fb5",
      "pink": "#c2528b", "sky": "#3a9fd8", "teal": "#0b7d87", "olive": "#7c7a12",
    ],
    ramp: ["#f5e6c8", "#e9c98a", "#d8a85b", "#b98a5e", "#8d6f72", "#5f587d", "#383f70", "#1b2550"],
    diverging: ["#a63c10", "#d9794a", "#f0c3a8", "#f3f4f5", "#b4d3ec", "#5699cf", "#0a5796"])

  public static let dark = ChartTheme(
    colors: [
      "paper": "#14181f", "ink": "#e8ecf2", "text": "#a9b4c2", "faint": "#6f7c8d", "grid": "#252c36", "line": "#414b59",
      "blue": "#5aaef0", "red": "#ff8a5c", "green": "#3ecf9d", "amber": "#f2b83c", "violet": "#b796ec",
      "pink": "#ee8fbd", "sky": "#8fd0f5", "teal": "#4cc9d3", "olive": "#c9c64f",
    ],
    ramp: ["#1b2550", "#383f70", "#5f587d", "#8d6f72", "#b98a5e", "#d8a85b", "#e9c98a", "#f5e6c8"],
    diverging: ["#ff9a70", "#b9603b", "#5b3a2d", "#232a33", "#28465f", "#3f82bd", "#83c5fa"])

  static let font = "'Helvetica Neue', Helvetica, Arial, 'Liberation Sans', sans-serif"

  /// Vega-Lite's `config`.
  public var configuration: JSON {
    func color(_ name: String) -> JSON { .string(colors[name] ?? "#888888") }
    let axis: JSON = [
      "labelColor": color("text"), "titleColor": color("ink"), "gridColor": color("grid"), "domainColor": color("line"),
      "tickColor": color("line"), "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": 500, "tickSize": 4,
      "labelPadding": 5, "titlePadding": 10, "labelFlush": false, "labelOverlap": true,
    ]
    return [
      "font": .string(Self.font), "background": "transparent",
      "view": ["stroke": nil],
      "axis": axis,
      "axisX": ["grid": false, "tickCount": 6],
      "axisY": [
        "grid": true, "domain": false, "ticks": false, "tickCount": 6, "titleAngle": 0, "titleAlign": "left",
        "titleAnchor": "end", "titleBaseline": "bottom", "titleX": -34, "titleY": -10,
      ],
      "legend": [
        "orient": "top", "direction": "horizontal", "columns": 4, "titleColor": color("ink"),
        "labelColor": color("ink"),
        "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": 500, "symbolSize": 100, "symbolOpacity": 1,
        "offset": 30, "rowPadding": 5,
        "columnPadding": 18, "labelLimit": 240, "gradientThickness": 10, "gradientLength": 180,
        "symbolStrokeWidth": 1.5,
      ],
      "title": ["color": color("ink"), "anchor": "start", "fontSize": 13, "fontWeight": 600],
      "range": [
        "category": .array(
          ["blue", "red", "green", "amber", "violet", "sky", "pink", "teal", "olive", "faint"].map(color)),
        "heatmap": .array(ramp.map { .string($0) }), "ramp": .array(ramp.map { .string($0) }),
        "diverging": .array(diverging.map { .string($0) }),
      ],
    ]
  }

  /// The specification with colour names replaced; data are left alone.
  public func resolving(_ specification: JSON) -> JSON {
    switch specification {
    case .string(let text) where text.hasPrefix("@"):
      return colors[String(text.dropFirst())].map { .string($0) } ?? specification
    case .array(let values): return .array(values.map(resolving))
    case .object(let members):
      return .object(
        Dictionary(uniqueKeysWithValues: members.map { ($0, $0 == "datasets" ? $1 : resolving($1)) }))
    default: return specification
    }
  }

  /// What the page's script needs to do the same.
  var json: JSON {
    ["colors": .object(colors.mapValues { .string($0) }), "config": configuration]
  }
}

import Foundation
import Mustache

/// The page as HTML: one file with style, script, data and pictures inside. Every name and text is escaped.
struct ReportPage {
  let report: Report
  /// Nil where figures cannot be drawn: the page then has the tables, and every figure's data as CSV.
  let rendering: Rendering?

  func html() throws -> String {
    let template = try MustacheTemplate(string: Resource.page)
    return template.render(context)
  }

  private var context: [String: Any] {
    let findings: [[String: Any]] = report.findings.map { finding in
      ["name": finding.name, "text": finding.text, "mark": finding.kind.map(Self.mark) ?? ""]
    }
    var context: [String: Any] = [
      "title": report.title, "subtitle": report.subtitle, "colors": Self.colors, "style": Resource.style,
      "hasFindings": !findings.isEmpty, "findings": findings, "sections": report.sections.map(section),
      "hasCommands": !report.commands.isEmpty, "commands": report.commands.joined(separator: "\n"),
      "hasMissing": !report.missing.isEmpty, "missing": report.missing,
      "hasProvenance": !report.provenance.isEmpty,
      "provenance": report.provenance.map { ["term": $0.term, "value": $0.value] },
      "hasManyCommands": report.commands.count > 12, "commandCount": report.commands.count, "hasScript": false,
    ]
    if let configuration = report.configuration { context["configuration"] = configuration }
    if let lead = report.lead { context["lead"] = lead }
    if let rendering {
      context["hasScript"] = true
      context["themes"] = JSON.object(["light": ChartTheme.light.json, "dark": ChartTheme.dark.json]).scriptText
      context["bundle"] = Self.inScript(rendering.javaScript)
      context["script"] = Resource.script
    }
    return context
  }

  private func section(_ section: ReportSection) -> [String: Any] {
    let figures = section.figures.map(figure)
    return [
      "id": section.id, "heading": section.title, "paragraphs": section.paragraphs, "tables": section.tables.map(table),
      "hasFigures": !figures.isEmpty, "figures": figures,
    ]
  }

  private func table(_ table: ReportTable) -> [String: Any] {
    [
      "id": table.id, "caption": table.caption, "columns": table.columns,
      "csv": Self.dataURI("text/csv", table.data.csv),
      "rows": table.rows.map { row -> [String: Any] in
        var values: [String: Any] = [
          "name": row.name, "mark": row.kind.map(Self.mark) ?? "",
          "cells": row.cells.map { cell -> [String: Any] in
            var values: [String: Any] = ["text": cell.text, "isBest": cell.isBest]
            if !cell.note.isEmpty { values["cellNote"] = cell.note }
            return values
          },
        ]
        if !row.note.isEmpty { values["rowNote"] = row.note }
        return values
      },
    ]
  }

  private func figure(_ figure: Figure) -> [String: Any] {
    var files: [[String: Any]] = []
    var values: [String: Any] = [
      "id": figure.id, "title": figure.title, "caption": figure.caption, "alternative": figure.alternative,
      "layout": figure.layout.rawValue,
    ]
    if let picture = rendering?.figures[figure.id] {
      values["image"] = Self.dataURI("image/svg+xml", picture.svg)
      values["specification"] = figure.withData.scriptText
      files.append(["name": figure.id + ".svg", "label": "SVG", "script": "picture", "figure": figure.id])
      // Drawn from the SVG when asked for, as the tables are written from the specification: many figures stay one small page.
      files.append(["name": figure.id + ".png", "label": "PNG", "script": "bitmap", "figure": figure.id])
      files.append(["name": figure.id + ".pdf", "label": "PDF", "href": Self.dataURI("application/pdf", picture.pdf)])
    }
    for file in figure.csvFiles {
      let dataset = file.name.dropFirst(figure.id.count + 1).dropLast(4)
      let label = dataset.isEmpty ? "CSV" : "CSV: \(dataset)"
      if rendering == nil {
        files.append(["name": file.name, "label": label, "href": Self.dataURI("text/csv", file.text)])
      } else {
        let name = figure.tables.count == 1 ? figure.tables.first!.key : dataset.isEmpty ? "data" : String(dataset)
        files.append(["name": file.name, "label": label, "script": "table:" + name, "figure": figure.id])
      }
    }
    if rendering != nil {
      files.append([
        "name": figure.id + ".vl.json", "label": "Vega-Lite", "script": "specification", "figure": figure.id,
      ])
    }
    values["files"] = files
    return values
  }

  /// Script text that cannot end its element.
  static func inScript(_ text: String) -> String {
    text.replacing("</script", with: "<\\/script").replacing("<!--", with: "<\\!--")
  }

  private static func dataURI(_ type: String, _ text: String) -> String { dataURI(type, Data(text.utf8)) }

  private static func dataURI(_ type: String, _ data: Data) -> String {
    "data:\(type);base64,\(data.base64EncodedString())"
  }

  private static var colors: String {
    func block(_ theme: ChartTheme) -> String {
      theme.colors.sorted { $0.key < $1.key }.map { "--\($0.key):\($0.value)" }.joined(separator: ";")
    }
    return ":root{\(block(.light))}\n@media screen and (prefers-color-scheme: dark){:root{\(block(.dark))}}"
  }

  /// The symbol that a kind of model has in the figures.
  private static func mark(_ kind: ModelKind) -> String {
    let style = kind.style
    let path =
      switch style.shape {
      case "circle": "M0,-0.7A0.7,0.7 0 1 1 0,0.7A0.7,0.7 0 1 1 0,-0.7Z"
      case "square": "M-0.75,-0.75H0.75V0.75H-0.75Z"
      case "diamond": "M0,-1L0.75,0L0,1L-0.75,0Z"
      case "triangle-up": "M0,-0.85L0.9,0.75H-0.9Z"
      case "triangle-down": "M0,0.85L0.9,-0.75H-0.9Z"
      case "triangle-right": "M0.85,0L-0.75,0.9V-0.9Z"
      case "triangle-left": "M-0.85,0L0.75,0.9V-0.9Z"
      case "cross": "M-0.3,-0.9H0.3V-0.3H0.9V0.3H0.3V0.9H-0.3V0.3H-0.9V-0.3H-0.3Z"
      default: style.shape
      }
    return "<svg class=\"mark\" viewBox=\"-1.2 -1.2 2.4 2.4\" aria-hidden=\"true\">"
      + "<path d=\"\(path)\" style=\"fill:var(--\(style.color.dropFirst()))\"/></svg>"
  }
}

import Foundation

/// A figure as files.
public struct RenderedFigure: Sendable {
  public var svg: Data
  public var png: Data
  public var pdf: Data
}

/// What a renderer made: the files of every figure, and the script that draws them on the page.
public struct Rendering: Sendable {
  /// Vega, Vega-Lite and Vega-Embed in one script without dependencies.
  public var javaScript: String
  /// By the figure's id.
  public var figures: [String: RenderedFigure]
  /// What drew it: `vl-convert 1.9.0, Vega-Lite 6.4`.
  public var version: String
}

/// Draws Vega-Lite specifications through `vl-convert`, a Python wheel with everything inside, in one child process.
public struct VegaConverter: Sendable {
  /// Folder that holds the package `vl_convert`; nil where Python finds it by itself.
  public let packages: String?
  public let python: String

  public init(python: String = "python3", packages: String?) {
    self.python = python
    self.packages = packages
  }

  /// Looks for the wheel: in `$SOUP_VL_CONVERT`, in `.deps/vl-convert` of `start` and the folders above it.
  public static func find(from start: [String]) -> VegaConverter? {
    let files = FileManager.default
    func holds(_ folder: String) -> Bool { files.fileExists(atPath: folder + "/vl_convert") }
    if let named = ProcessInfo.processInfo.environment["SOUP_VL_CONVERT"], !named.isEmpty {
      return holds(named) ? VegaConverter(packages: named) : nil
    }
    for origin in start {
      var folder = URL(filePath: origin).standardizedFileURL
      while true {
        let candidate = folder.path + "/.deps/vl-convert"
        if holds(candidate) { return VegaConverter(packages: candidate) }
        let parent = folder.deletingLastPathComponent().standardizedFileURL
        guard parent.path != folder.path, folder.path != "/" else { break }
        folder = parent
      }
    }
    return nil
  }

  public static let advice =
    "figures need vl-convert: 'make setup' fetches it, or 'python3 -m pip install --target .deps/vl-convert "
    + "vl-convert-python', or name a folder that holds it by SOUP_VL_CONVERT"

  /// Draws every figure as SVG, PNG (at twice its size) and PDF, in the light theme.
  public func render(_ figures: [Figure]) throws(ReportError) -> Rendering {
    let job = JSON.object(["figures": .object(Dictionary(figures.map { ($0.id, $0.standalone(.light)) }) { a, _ in a })]
    )
    let folder = NSTemporaryDirectory() + "soup-report-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: folder) }
    do {
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try Data(job.text.utf8).write(to: URL(filePath: folder + "/job.json"))
      try run(in: folder)
      func read(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: folder + "/" + name)) }
      var rendered: [String: RenderedFigure] = [:]
      for figure in figures {
        rendered[figure.id] = RenderedFigure(
          svg: try read(figure.id + ".svg"), png: try read(figure.id + ".png"), pdf: try read(figure.id + ".pdf"))
      }
      return Rendering(
        javaScript: String(decoding: try read("bundle.js"), as: UTF8.self), figures: rendered,
        version: String(decoding: try read("version"), as: UTF8.self))
    } catch let error as ReportError {
      throw error
    } catch {
      throw ReportError(.renderer, ["vl-convert left no figures: \(JSONLines.reason(error))"], advice: Self.advice)
    }
  }

  private func run(in folder: String) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [python, "-c", Resource.render, folder]
    var environment = ProcessInfo.processInfo.environment
    if let packages {
      environment["PYTHONPATH"] = [packages, environment["PYTHONPATH"]].compactMap { $0 }.joined(separator: ":")
    }
    process.environment = environment
    let log = folder + "/log"
    try Data().write(to: URL(filePath: log))
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.nullDevice
    process.standardError = try FileHandle(forWritingTo: URL(filePath: log))
    try process.run()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
      let last = text.split(separator: "\n").suffix(3).joined(separator: "\n  ")
      throw ReportError(.renderer, ["vl-convert failed: \(last)"], advice: Self.advice)
    }
  }
}

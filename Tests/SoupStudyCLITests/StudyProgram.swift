import Foundation

/// `soup study` as a user runs it, with a stand-in for the commands that train and evaluate.
struct StudyProgram {
  struct Result {
    let status: Int32
    let output: String
    let errors: String
  }

  let folder: String

  init() throws {
    folder = FileManager.default.temporaryDirectory.path + "/soup-study-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    // What is no study goes to the stand-in.
    let script = """
      #!/bin/sh
      if [ "$1" = study ]; then exec "\(Self.soup)" "$@"; fi
      exec "\(Self.fixtures)/fake-soup" "$@"
      """
    try write("soup.sh", script)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder + "/soup.sh")
  }

  func remove() { try? FileManager.default.removeItem(atPath: folder) }

  func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: URL(filePath: folder + "/" + name))
  }

  func read(_ name: String) throws -> String { try String(contentsOfFile: folder + "/" + name, encoding: .utf8) }

  /// Lines that the stand-in wrote, one a call.
  var calls: [Substring] { ((try? read("calls")) ?? "").split(separator: "\n") }

  func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Result {
    let process = try start(arguments, environment: environment)
    process.waitUntilExit()
    return Result(status: process.terminationStatus, output: try read("stdout"), errors: try read("stderr"))
  }

  /// `soup report …`, without figures.
  func report(_ arguments: String...) throws -> Result {
    let process = try start(arguments + ["--no-figures"], command: "report", environment: ["SOUP_VL_CONVERT": "/none"])
    process.waitUntilExit()
    return Result(status: process.terminationStatus, output: try read("stdout"), errors: try read("stderr"))
  }

  /// Starts `soup study …`; its words go to the files `stdout` and `stderr`.
  func start(
    _ arguments: [String], command: String = "study", environment: [String: String] = [:]
  ) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: Self.soup)
    var all = [command] + arguments
    if command == "study", !["select", "job"].contains(arguments.first), !arguments.contains("--help") {
      all += ["--program", folder + "/soup.sh"]
    }
    process.arguments = all
    process.currentDirectoryURL = URL(filePath: folder)
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["FAKE_CALLS": folder + "/calls"].merging(environment) { $1 }
    ) { $1 }
    for name in ["stdout", "stderr"] { try write(name, "") }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: URL(filePath: folder + "/stdout"))
    process.standardError = try FileHandle(forWritingTo: URL(filePath: folder + "/stderr"))
    try process.run()
    return process
  }

  static let fixtures =
    URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path + "/Fixtures/studies"

  static let soup: String = {
    var folder = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
    #if os(Linux)
      folder = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    #endif
    while folder.path != "/", !FileManager.default.isExecutableFile(atPath: folder.path + "/soup") {
      folder.deleteLastPathComponent()
    }
    return folder.path + "/soup"
  }()
}

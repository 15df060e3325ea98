import Foundation

/// The built `soup`, run as a user would.
struct SoupProgram {
  struct Result {
    let status: Int32
    /// Whether a signal ended it; `status` is then its number.
    let wasKilled: Bool
    let output: String
    let errors: String

    var outputJSON: [String: Any] { SoupProgram.object(output) }
  }

  /// The program beside the test bundle.
  static let path: String = {
    var folder = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath().deletingLastPathComponent()
    #if os(Linux)
      folder = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
    #endif
    while folder.path != "/", !FileManager.default.isExecutableFile(atPath: folder.path + "/soup") {
      folder.deleteLastPathComponent()
    }
    return folder.path + "/soup"
  }()

  static func run(_ arguments: String..., in folder: String? = nil) throws -> Result {
    try run(path, arguments, in: folder)
  }

  /// Runs a shell script in which `$SOUP` is the program.
  static func shell(_ script: String, in folder: String? = nil) throws -> Result {
    try run("/bin/sh", ["-c", script], in: folder)
  }

  static func run(_ program: String, _ arguments: [String], in folder: String?) throws -> Result {
    let process = Process()
    process.executableURL = URL(filePath: program)
    process.arguments = arguments
    var environment = ProcessInfo.processInfo.environment
    environment["COLUMNS"] = nil
    environment["SOUP"] = path
    process.environment = environment
    if let folder { process.currentDirectoryURL = URL(filePath: folder) }
    // Files, not pipes: nothing can block however much is printed.
    let base = NSTemporaryDirectory() + "soup-run-" + UUID().uuidString
    defer { for suffix in [".out", ".err"] { try? FileManager.default.removeItem(atPath: base + suffix) } }
    for suffix in [".out", ".err"] { try Data().write(to: URL(filePath: base + suffix)) }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: URL(filePath: base + ".out"))
    process.standardError = try FileHandle(forWritingTo: URL(filePath: base + ".err"))
    try process.run()
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus, wasKilled: process.terminationReason == .uncaughtSignal,
      output: try String(contentsOfFile: base + ".out", encoding: .utf8),
      errors: try String(contentsOfFile: base + ".err", encoding: .utf8))
  }

  static func object(_ text: String) -> [String: Any] {
    (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:]
  }
}

import ArgumentParser

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A command that needs LibTorch: `soup` replaces itself by `soup-torch`, found beside it, with the same arguments.
///
/// Loading LibTorch takes longer than mixing eight checkpoints, so the commands that do without it never load it.
protocol ForwardedCommand: ParsableCommand {
  var arguments: [String] { get }
}

extension ForwardedCommand {
  func run() throws {
    let program = try TorchProgram.path()
    let arguments = [program, Self._commandName] + arguments
    let strings = arguments.map { strdup($0) } + [nil]
    execv(program, strings)
    throw TorchProgram.Failure(path: program, reason: String(cString: strerror(errno)))
  }
}

struct TrainCommand: ForwardedCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Train or fine-tune a model: make an ingredient.", helpNames: [])
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct EvaluateCommand: ForwardedCommand {
  static let configuration = CommandConfiguration(
    commandName: "evaluate", abstract: "Score a checkpoint, a soup or an ensemble on a dataset.", helpNames: [])
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct SeasonCommand: ForwardedCommand {
  static let configuration = CommandConfiguration(
    commandName: "season", abstract: "Search which ingredients to mix, and how much of each.", helpNames: [])
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct TasteCommand: ForwardedCommand {
  static let configuration = CommandConfiguration(
    commandName: "taste", abstract: "Checkpoints in, one table out: each ingredient, soups, ensemble.", helpNames: [])
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

/// Finds `soup-torch` in the folder of the running program.
enum TorchProgram {
  struct Failure: Error, CustomStringConvertible {
    let path: String
    let reason: String

    var description: String {
      "cannot start '\(path)': \(reason). This command needs LibTorch, and this build of soup was made without it; "
        + "in the source folder run 'make setup && make', or name a LibTorch with 'LIBTORCH=/path make'"
    }
  }

  static func path() throws -> String {
    let own = try ownPath()
    let folder = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? "."
    let path = folder + "/soup-torch"
    guard access(path, X_OK) == 0 else { throw Failure(path: path, reason: String(cString: strerror(errno))) }
    return path
  }

  private static func ownPath() throws -> String {
    #if os(Linux)
      let start = "/proc/self/exe"
    #else
      var size: UInt32 = 0
      _NSGetExecutablePath(nil, &size)
      let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: Int(size) + 1)
      defer { buffer.deallocate() }
      guard _NSGetExecutablePath(buffer, &size) == 0 else { throw Failure(path: "soup", reason: "own path unknown") }
      let start = String(cString: buffer)
    #endif
    guard let resolved = realpath(start, nil) else {
      throw Failure(path: start, reason: String(cString: strerror(errno)))
    }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

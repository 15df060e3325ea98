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

/// A command of another program: `soup` replaces itself by that, found beside it, with the same arguments.
///
/// Loading LibTorch takes longer than mixing eight checkpoints, so the commands that do without it never load it.
protocol ForwardedCommand: ParsableCommand {
  static var program: SiblingProgram { get }
  var arguments: [String] { get }
}

extension ForwardedCommand {
  static var program: SiblingProgram { .torch }

  func run() throws { try Self.program.replace([Self._commandName] + arguments) }
}

struct TrainCommand: ForwardedCommand {
  static let configuration = CommandConfiguration(
    commandName: "train", abstract: "Train or fine-tune a model: make an ingredient.", helpNames: [])
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct ProbeCommand: ForwardedCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe", abstract: "Fit a linear classifier to a frozen encoder.", helpNames: [])
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

struct LandscapeCommand: ForwardedCommand {
  static let configuration = CommandConfiguration(
    commandName: "landscape", abstract: "Loss and error between and around models: lines, planes, flatness, angles.",
    helpNames: [])
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct DataCommand: ForwardedCommand {
  static let program = SiblingProgram.study
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Images: data sets and their corruptions.", helpNames: [])
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct StudyCommand: ForwardedCommand {
  static let program = SiblingProgram.study
  static let configuration = CommandConfiguration(
    commandName: "study", abstract: "Run a whole sweep from one file, here or on a cluster.", helpNames: [])
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct ReportCommand: ForwardedCommand {
  static let program = SiblingProgram.study
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Make one HTML page of a study's results: table, figures, how it was run.",
    helpNames: [])
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

struct AnalyzeCommand: ForwardedCommand {
  static let program = SiblingProgram.study
  static let configuration = CommandConfiguration(
    commandName: "analyze", abstract: "Recompute the conclusions of published result tables.", helpNames: [])
  @Argument(parsing: .captureForPassthrough) var arguments: [String] = []
}

/// A program in the folder of the running one.
public struct SiblingProgram: Sendable {
  let name: String
  let advice: String

  /// The commands that need LibTorch.
  static let torch = SiblingProgram(
    name: "soup-torch",
    advice: "This command needs LibTorch, and this build of soup was made without it; "
      + "in the source folder run 'make setup && make', or name a LibTorch with 'LIBTORCH=/path make'")
  /// The commands that need a database or images, or make pages.
  static let study = SiblingProgram(name: "soup-study", advice: "It belongs beside soup; 'make' builds both")
  /// `soup` itself, for the programs that call it.
  public static let soup = SiblingProgram(name: "soup", advice: "It belongs beside this program; 'make' builds both")

  struct Failure: Error, CustomStringConvertible {
    let path: String
    let reason: String
    let advice: String

    var description: String { "cannot start '\(path)': \(reason). \(advice)" }
  }

  /// The program's path.
  /// - Throws: when it is not there, or may not be run.
  public func path() throws -> String {
    let own = try Self.ownPath()
    let folder = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? "."
    let path = folder + "/" + name
    guard access(path, X_OK) == 0 else {
      throw Failure(path: path, reason: String(cString: strerror(errno)), advice: advice)
    }
    return path
  }

  /// Makes this process run the program.
  /// - Throws: when it cannot be started; else this does not return.
  func replace(_ arguments: [String]) throws {
    let program = try path()
    let strings = ([program] + arguments).map { strdup($0) } + [nil]
    execv(program, strings)
    throw Failure(path: program, reason: String(cString: strerror(errno)), advice: advice)
  }

  /// Runs the program and waits for its end.
  /// - Throws: `ExitCode` as it ended, which has then said why.
  func run(_ arguments: [String]) throws {
    let program = try path()
    var strings = ([program] + arguments).map { strdup($0) } + [nil]
    defer { for string in strings { free(string) } }
    var process = pid_t()
    let code = posix_spawn(&process, program, nil, nil, &strings, environ)
    guard code == 0 else { throw Failure(path: program, reason: String(cString: strerror(code)), advice: advice) }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    if status != 0 { throw ExitCode(status & 0x7f == 0 ? (status >> 8) & 0xff : 1) }
  }

  /// The path of the running program, links resolved.
  public static func ownPath() throws -> String {
    #if os(Linux)
      let start = "/proc/self/exe"
    #else
      var size: UInt32 = 0
      _NSGetExecutablePath(nil, &size)
      let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: Int(size) + 1)
      defer { buffer.deallocate() }
      guard _NSGetExecutablePath(buffer, &size) == 0 else {
        throw Failure(path: "soup", reason: "own path unknown", advice: "")
      }
      let start = String(cString: buffer)
    #endif
    guard let resolved = realpath(start, nil) else {
      throw Failure(path: start, reason: String(cString: strerror(errno)), advice: "")
    }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}

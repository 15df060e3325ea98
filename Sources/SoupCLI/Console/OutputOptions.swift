import ArgumentParser

/// How a command prints, the same for every command.
public struct OutputOptions: ParsableArguments {
  @Flag(name: .long, help: "Print the result as JSON, one value a line; progress and warnings as JSON on stderr.")
  public var json = false

  @Flag(name: .shortAndLong, help: "Show no progress and no notes.")
  public var quiet = false

  public init() {}

  public var console: Console { Console(style: json ? .json : .text, isQuiet: quiet) }
}

/// A command that talks through a `Console`.
public protocol ConsoleCommand: ParsableCommand {
  /// `@OptionGroup var output: OutputOptions` is all a command adds.
  var output: OutputOptions { get }
  func run(_ console: Console) throws
}

extension ConsoleCommand {
  public func run() throws { try run(output.console) }
}

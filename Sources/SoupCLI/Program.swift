import ArgumentParser

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Runs a command tree and turns what it throws into words and an exit code.
///
/// 0: done, also for `--help`. 1: it failed (`soup: error: …`). 2: the command line makes no sense (with the usage).
public enum Program {
  /// The variable of the environment under which a program reads its arguments, says what is wrong with them, and does nothing.
  public static let readsArgumentsOnly = "SOUP_PARSE_ONLY"

  public static func main(_ root: any ParsableCommand.Type, arguments: [String]? = nil) -> Never {
    // A file larger than the system allows is then an error with a name, not a signal.
    signal(SIGXFSZ, SIG_IGN)
    var console = Console()
    var name = root._commandName
    do {
      var arguments = arguments ?? Array(CommandLine.arguments.dropFirst())
      // `soup help train` is `soup train --help`, so that forwarded commands answer it too.
      if arguments.first == "help" { arguments = arguments.dropFirst() + ["--help"] }
      var command = try root.parseAsRoot(arguments)
      if let command = command as? any ConsoleCommand { console = command.output.console }
      if type(of: command) != root { name += " " + type(of: command)._commandName }
      // A study asks whether its command lines make sense; a forwarded one is read by the program that has it.
      if !(command is any ForwardedCommand), getenv(readsArgumentsOnly) != nil { exit(0) }
      try command.run()
      exit(0)
    } catch {
      exit(report(error, root, name, console))
    }
  }

  private static func report(
    _ error: any Error, _ root: any ParsableCommand.Type, _ name: String, _ console: Console
  ) -> Int32 {
    if let code = error as? ExitCode { return code.rawValue }
    if let error = error as? ValidationError {
      // Thrown while running: the parser no longer knows which command's usage to show.
      console.fail("\(error.message)\n  See '\(name) --help' for more information.")
      return 2
    }
    switch root.exitCode(for: error) {
    case .success:
      console.print(root.fullMessage(for: error))
      return 0
    case .validationFailure:
      let text = root.fullMessage(for: error)
      console.fail(text.hasPrefix("Error: ") ? String(text.dropFirst(7)) : text)
      return 2
    default:
      console.fail("\(error)")
      return 1
    }
  }
}

import Foundation

/// Runs a shell command in a process group of its own, so that a time-out or Ctrl-C ends all of it.
struct ScoringProgram {
  let timeout: Double?
  let scratch: String
  let shouldStop: () -> Bool

  /// - Returns: what it wrote to standard output.
  /// - Throws: `EvaluationError.Code.scorer` if it cannot start, takes too long, or does not exit with 0.
  func run(_ line: String) throws -> String {
    let base = "\(scratch)/soup-scorer-\(UUID().uuidString)"
    let (output, errors) = (base + ".out", base + ".err")
    defer { for path in [output, errors] { try? FileManager.default.removeItem(atPath: path) } }
    let process = try start(line, output: output, errors: errors)
    let start = ContinuousClock.now
    var status: Int32 = 0
    var pause: UInt32 = 500
    while waitpid(process, &status, WNOHANG) == 0 {
      let seconds = (ContinuousClock.now - start) / .seconds(1)
      let isLate = timeout.map { seconds > $0 } ?? false
      if isLate || shouldStop() {
        kill(-process, SIGKILL)
        waitpid(process, &status, 0)
        throw EvaluationError(
          .scorer,
          isLate
            ? "the scorer took longer than \(timeout ?? 0) seconds and was ended. It ran: \(line)" : "interrupted")
      }
      usleep(pause)
      // Fast programs are noticed at once, slow ones cost no processor time.
      pause = min(pause * 2, 50_000)
    }
    let code = (status >> 8) & 0xff
    let signal = status & 0x7f
    guard code == 0, signal == 0 else {
      let end = text(errors).split(separator: "\n").suffix(5).joined(separator: "\n  ")
      throw EvaluationError(
        .scorer,
        "the scorer \(signal != 0 ? "was ended by signal \(signal)" : "exited with \(code)"). It ran: \(line)"
          + (end.isEmpty ? "" : "\n  \(end)"))
    }
    return text(output)
  }

  private func start(_ line: String, output: String, errors: String) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    posix_spawn_file_actions_init(&actions)
    posix_spawnattr_init(&attributes)
    defer {
      posix_spawn_file_actions_destroy(&actions)
      posix_spawnattr_destroy(&attributes)
    }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    // A group of its own, with the signals that this program handles as they usually are.
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM] { sigaddset(&signals, signal) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF))
    let texts: [String] = ["/bin/sh", "-c", line]
    let words: [UnsafeMutablePointer<CChar>?] = texts.map { text in strdup(text) } + [nil]
    defer { for word in words { free(word) } }
    var process: pid_t = 0
    let code = posix_spawn(&process, "/bin/sh", &actions, &attributes, words, environ)
    guard code == 0 else {
      throw EvaluationError(.scorer, "the scorer cannot be started: \(String(cString: strerror(code)))")
    }
    return process
  }

  private func text(_ path: String) -> String {
    String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self)
  }
}

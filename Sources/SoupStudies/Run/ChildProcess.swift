import Foundation

/// A program that was started and is looked at from time to time.
///
/// It has its own process group, so that Ctrl-C reaches only us and we decide, and no signal blocked or ignored.
struct ChildProcess {
  let pid: pid_t

  /// How it ended.
  enum Ending: Sendable, Hashable {
    case exit(Int32)
    case signal(Int32)
  }

  /// - Parameters:
  ///   - output: a file for standard output; created anew.
  ///   - errors: a file for standard error; appended to.
  init(_ command: [String], output: String, errors: String) throws(StudyError) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC, 0o666)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, errors, O_WRONLY | O_CREAT | O_APPEND, 0o666)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    var usual = sigset_t()
    sigemptyset(&usual)
    for signal in [SIGINT, SIGTERM, SIGPIPE, SIGCHLD] { sigaddset(&usual, signal) }
    posix_spawnattr_setsigdefault(&attributes, &usual)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
    let words = command.map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    var pid: pid_t = 0
    let code = posix_spawnp(&pid, command[0], &actions, &attributes, words, environ)
    guard code == 0 else {
      throw StudyError(.cannotStart, command[0], "cannot be started: \(String(cString: strerror(code)))")
    }
    self.pid = pid
  }

  /// How it ended; nil while it runs.
  func ending() -> Ending? {
    var status: Int32 = 0
    let found = waitpid(pid, &status, WNOHANG)
    guard found != 0, !(found < 0 && errno == EINTR) else { return nil }
    // Somebody else took the status: it has ended, and nobody knows how.
    guard found == pid else { return .exit(-1) }
    let signal = status & 0x7f
    return signal == 0 ? .exit((status >> 8) & 0xff) : .signal(signal)
  }

  /// Waits until it has ended.
  func wait() -> Ending {
    while true {
      if let ending = ending() { return ending }
      usleep(2000)
    }
  }

  /// Signals the process and everything that it started in its group.
  func signal(_ number: Int32) { kill(-pid, number) }
}

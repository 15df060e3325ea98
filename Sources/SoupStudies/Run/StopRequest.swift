import Foundation

/// Whether someone asked this process to stop: Ctrl-C, SIGTERM, a closed terminal.
public enum StopRequest {
  // Written by the signal handler only: a plain word is all that a handler may touch.
  nonisolated(unsafe) private static var received: sig_atomic_t = 0
  nonisolated(unsafe) private static var last: Int32 = 0

  /// From now on such signals are counted instead of ending the process.
  public static func install() {
    // A parent may have started us with these blocked: threads of Dispatch do.
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      var previous = sigaction()
      // What the parent ignores, as nohup does, stays ignored.
      if sigaction(number, nil, &previous) == 0, isIgnored(previous) { continue }
      signal(number) { number in
        StopRequest.received &+= 1
        StopRequest.last = number
      }
    }
  }

  /// How often.
  public static var count: Int { Int(received) }
  /// 130 after Ctrl-C, 143 after SIGTERM.
  public static var exitCode: Int32 { 128 + (last == 0 ? SIGTERM : last) }

  private static func isIgnored(_ action: sigaction) -> Bool {
    #if os(Linux)
      let handler = action.__sigaction_handler.sa_handler
    #else
      let handler = action.__sigaction_u.__sa_handler
    #endif
    return unsafeBitCast(handler, to: Int.self) == 1
  }
}

import Foundation

/// Turns the first Ctrl-C (or SIGTERM) into a request to stop after the present step; the second one ends at once.
enum Interrupts {
  // Written by the signal handler only, read between steps: a plain word is all that a handler may touch.
  nonisolated(unsafe) private static var received: sig_atomic_t = 0
  nonisolated(unsafe) private static var last: Int32 = 0

  static func install() {
    // A parent may have started us with these blocked: threads of Dispatch do.
    var signals = sigset_t()
    sigemptyset(&signals)
    for signal in [SIGINT, SIGTERM] { sigaddset(&signals, signal) }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    for signal in [SIGINT, SIGTERM] {
      Foundation.signal(signal) { number in
        Interrupts.received &+= 1
        Interrupts.last = number
        Foundation.signal(number, SIG_DFL)
      }
    }
  }

  static var isRequested: Bool { received > 0 }

  /// 130 after Ctrl-C, 143 after SIGTERM, as shells expect.
  static var exitCode: Int32 { 128 + (last == 0 ? SIGINT : last) }
}

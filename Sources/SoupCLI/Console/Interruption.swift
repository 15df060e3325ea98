import Dispatch
import SoupCheckpoints
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What happens on Ctrl-C, `kill` and a closed terminal.
public enum Interruption {
  private static let cleanups = Mutex<[@Sendable () -> Void]>([])
  private static let sources = Mutex<[any DispatchSourceSignal]>([])

  /// From now on such a signal removes partial output, then ends the program as it would have without us.
  ///
  /// Signals that the parent ignores, as `nohup` does, stay ignored.
  /// - Parameter cleanup: what else to do before that.
  public static func removesPartialFiles(_ cleanup: (@Sendable () -> Void)? = nil) {
    if let cleanup { cleanups.withLock { $0.append(cleanup) } }
    sources.withLock { sources in
      guard sources.isEmpty else { return }
      for number in [SIGINT, SIGTERM, SIGHUP] {
        var previous = sigaction()
        guard sigaction(number, nil, &previous) == 0, !isIgnored(previous) else { continue }
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler {
          AtomicFile.discardAll {
            for cleanup in cleanups.withLock({ $0 }) { cleanup() }
            signal(number, SIG_DFL)
            // Dispatch blocks signals on its own threads, and another thread may block them too: unblock this one.
            var only = sigset_t()
            sigemptyset(&only)
            sigaddset(&only, number)
            pthread_sigmask(SIG_UNBLOCK, &only, nil)
            raise(number)
            _exit(128 + number)
          }
        }
        source.resume()
        sources.append(source)
      }
    }
  }

  private static func isIgnored(_ action: sigaction) -> Bool {
    #if os(Linux)
      let handler = action.__sigaction_handler.sa_handler
    #else
      let handler = action.__sigaction_u.__sa_handler
    #endif
    return unsafeBitCast(handler, to: Int.self) == 1
  }
}

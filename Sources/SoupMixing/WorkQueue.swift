import Dispatch
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Numbered pieces of work, done by several threads in any order; the first error ends it.
struct WorkQueue: Sendable {
  /// How many threads may work at once.
  let threads: Int

  /// All cores that this process may use.
  static var allCores: Int { max(1, ProcessInfo.processInfo.activeProcessorCount) }

  private struct State {
    var next = 0
    var error: (any Error)?
  }

  /// Calls `body` once for every number below `count`.
  ///
  /// - Parameters:
  ///   - start: makes what one thread keeps between its pieces, such as memory to read into.
  ///   - body: does one piece.
  func run<Context>(
    _ count: Int, start: @Sendable () throws -> Context, body: @Sendable (Int, inout Context) throws -> Void
  ) throws {
    let state = Mutex(State())
    withoutActuallyEscaping(start) { start in
      withoutActuallyEscaping(body) { body in
        DispatchQueue.concurrentPerform(iterations: min(threads, max(1, count))) { _ in
          do {
            var context = try start()
            while let piece = Self.take(state, count) { try body(piece, &context) }
          } catch {
            state.withLock { $0.error = $0.error ?? error }
          }
        }
      }
    }
    if let error = state.withLock({ $0.error }) { throw error }
  }

  /// The same, where threads keep nothing between their pieces.
  func run(_ count: Int, body: @Sendable (Int) throws -> Void) throws {
    try withoutActuallyEscaping(body) { body in try run(count, start: {}, body: { piece, _ in try body(piece) }) }
  }

  private static func take(_ state: borrowing Mutex<State>, _ count: Int) -> Int? {
    state.withLock { state in
      guard state.error == nil, state.next < count else { return nil }
      state.next += 1
      return state.next - 1
    }
  }
}

/// Memory that one thread reads into, released with its last reference.
final class ReadBuffer {
  private let memory: UnsafeMutableRawBufferPointer

  init(byteCount: Int) { memory = .allocate(byteCount: max(byteCount, 1), alignment: 4096) }
  deinit { memory.deallocate() }

  /// The first `count` bytes, or those of one of several equal parts.
  func part(_ index: Int = 0, of parts: Int = 1, byteCount: Int) -> UnsafeMutableRawBufferPointer {
    let start = memory.count / parts * index
    return UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + byteCount])
  }
}

import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A place for text: a file descriptor, or memory in tests. Lines from several threads never mix.
///
/// On a terminal one *status line* can be kept below everything else; a progress bar draws itself there, and warnings
/// printed meanwhile appear above it.
public final class TextStream: Sendable {
  public static let standardOutput = TextStream(descriptor: STDOUT_FILENO)
  public static let standardError = TextStream(descriptor: STDERR_FILENO)

  /// Whether a person is looking: cursor movement and colours make sense.
  public let isTerminal: Bool
  /// Whether bold and colours are wanted: a terminal, and `NO_COLOR` unset.
  public let hasStyles: Bool
  private let descriptor: Int32?
  private let fixedColumns: Int?
  private let state = Mutex(State())

  private struct State {
    var captured = ""
    var status: String?
  }

  public init(descriptor: Int32) {
    self.descriptor = descriptor
    fixedColumns = nil
    let dumb = getenv("TERM").map { String(cString: $0) == "dumb" } ?? true
    isTerminal = isatty(descriptor) == 1 && !dumb
    hasStyles = isTerminal && getenv("NO_COLOR").map { String(cString: $0).isEmpty } ?? true
  }

  /// Collects text in memory, as if written to a terminal of `columns` columns or, with nil, to a file.
  public init(capturingWithColumns columns: Int? = nil) {
    descriptor = nil
    fixedColumns = columns
    isTerminal = columns != nil
    hasStyles = false
  }

  /// Everything written so far to a capturing stream.
  public var captured: String { state.withLock { $0.captured } }

  /// Width in columns; 80 when it is not a terminal.
  public var columns: Int {
    if let fixedColumns { return fixedColumns }
    var size = winsize()
    guard let descriptor, ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Writes whole lines; a newline is added.
  public func print(_ text: String) {
    state.withLock { state in
      let status = state.status
      write((status == nil ? "" : Self.clearLine) + text + "\n" + (status ?? ""), &state)
    }
  }

  /// Replaces the status line, or removes it with nil. Does nothing where there is no terminal.
  public func setStatus(_ line: String?) {
    guard isTerminal else { return }
    state.withLock { state in
      guard state.status != line else { return }
      state.status = line
      write(Self.clearLine + (line ?? ""), &state)
    }
  }

  private static let clearLine = "\r\u{1B}[K"

  private func write(_ text: String, _ state: inout State) {
    guard let descriptor else {
      state.captured += text
      return
    }
    var text = text
    text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while !rest.isEmpty {
        #if canImport(Darwin)
          let written = Darwin.write(descriptor, rest.baseAddress, rest.count)
        #elseif canImport(Musl)
          let written = Musl.write(descriptor, rest.baseAddress, rest.count)
        #else
          let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
        #endif
        if written < 0, errno == EINTR { continue }
        guard written > 0 else { return }
        rest = UnsafeRawBufferPointer(rebasing: rest[written...])
      }
    }
  }
}

import Synchronization

/// How far long work has come, with its rate and the time left.
///
/// May be updated from any thread and as often as wished: drawing is limited to ten times a second on a terminal, one
/// line every ten seconds elsewhere, one event a second under `--json`.
public final class ProgressBar: Sendable {
  /// What is counted.
  public enum Unit: Sendable {
    case bytes
    /// Things by their plural name: `.items("images")`.
    case items(String)
  }

  private struct State {
    var completed = 0
    var total: Int?
    var message = ""
    /// Known better than from the rate.
    var secondsLeft: Double?
    var lastDrawn: ContinuousClock.Instant?
    var isFinished = false
  }

  private let console: Console
  private let label: String
  private let unit: Unit
  private let start = ContinuousClock.now
  private let state: Mutex<State>

  init(console: Console, label: String, total: Int?, unit: Unit) {
    self.console = console
    self.label = label
    self.unit = unit
    state = Mutex(State(total: total))
  }

  deinit {
    if !state.withLock({ $0.isFinished }), !console.isQuiet { console.errors.setStatus(nil) }
  }

  /// Sets how much is done; `total` and `message` stay as they were when nil. The time left is taken from the rate
  /// unless it is given.
  public func update(completed: Int, total: Int? = nil, message: String? = nil, secondsLeft: Double? = nil) {
    change {
      $0.completed = completed
      $0.secondsLeft = secondsLeft
    } total: {
      total
    } message: {
      message
    }
  }

  /// Sets how much is done unless more is already: for values that several threads report out of order.
  public func raise(to completed: Int, message: String? = nil) {
    change {
      $0.completed = max($0.completed, completed)
    } total: {
      nil
    } message: {
      message
    }
  }

  /// Adds to what is done.
  public func advance(by amount: Int, message: String? = nil) {
    change {
      $0.completed += amount
    } total: {
      nil
    } message: {
      message
    }
  }

  /// Removes the bar. With a message, prints it as a note.
  public func finish(_ message: String? = nil) {
    let wasFinished = state.withLock { state in
      defer { state.isFinished = true }
      return state.isFinished
    }
    guard !wasFinished, !console.isQuiet else { return }
    if console.isJSON { draw(state.withLock { $0 }) } else { console.errors.setStatus(nil) }
    if let message { console.note(message) }
  }

  private func change(_ body: (inout State) -> Void, total: () -> Int?, message: () -> String?) {
    let due: State? = state.withLock { state in
      body(&state)
      state.total = total() ?? state.total
      state.message = message() ?? state.message
      guard !console.isQuiet, !state.isFinished else { return nil }
      let now = ContinuousClock.now
      let interval: Duration =
        console.isJSON ? .seconds(1) : console.errors.isTerminal ? .milliseconds(100) : .seconds(10)
      // The first line elsewhere than on a terminal also waits: short work prints none.
      guard now - (state.lastDrawn ?? (console.errors.isTerminal ? start - .seconds(60) : start)) >= interval else {
        return nil
      }
      state.lastDrawn = now
      return state
    }
    if let due { draw(due) }
  }

  private func draw(_ state: State) {
    let elapsed = (ContinuousClock.now - start) / .seconds(1)
    let rate = elapsed > 0 ? Double(state.completed) / elapsed : 0
    if console.isJSON {
      var fields: [String: EventValue] = [
        "label": .text(label), "completed": .integer(state.completed), "seconds": .number(elapsed),
      ]
      switch unit {
      case .bytes: fields["unit"] = .text("bytes")
      case .items(let name): fields["unit"] = .text(name)
      }
      if let total = state.total { fields["total"] = .integer(total) }
      if let seconds = secondsLeft(state, rate: rate) { fields["seconds_left"] = .number(seconds) }
      if !state.message.isEmpty { fields["message"] = .text(state.message) }
      console.event("progress", fields)
    } else if console.errors.isTerminal {
      console.errors.setStatus(bar(state, rate: rate, columns: console.errors.columns))
    } else {
      console.errors.print("\(label): \(summary(state, rate: rate).joined(separator: ", "))")
    }
  }

  /// `Mixing ━━━━━━────── 45 % · 1.2 of 2.8 GB · 9.8 GB/s · 0.2 s left`, cut to the terminal's width.
  private func bar(_ state: State, rate: Double, columns: Int) -> String {
    let tail = summary(state, rate: rate).joined(separator: " · ")
    var line = label
    let room = columns - 1 - displayWidth(label) - displayWidth(tail) - 2
    if let total = state.total, total > 0, room >= 8 {
      let width = min(room, 30)
      let filled = min(width, max(0, Int(Double(width) * Double(state.completed) / Double(total))))
      line += " " + String(repeating: "━", count: filled) + String(repeating: "─", count: width - filled)
    }
    line += " " + tail
    while displayWidth(line) > columns - 1 { line.removeLast() }
    return line
  }

  private func summary(_ state: State, rate: Double) -> [String] {
    var parts: [String] = []
    if let total = state.total {
      if total > 0 { parts.append("\(min(100, state.completed * 100 / total)) %") }
      parts.append("\(amount(state.completed)) of \(amount(total))\(noun)")
    } else {
      parts.append("\(amount(state.completed))\(noun)")
    }
    if rate > 0 {
      switch unit {
      case .bytes: parts.append(Format.scaled(rate, units: ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"]))
      case .items: parts.append(Format.significant(rate, 3) + "/s")
      }
    }
    if let seconds = secondsLeft(state, rate: rate) { parts.append(Format.duration(seconds) + " left") }
    if !state.message.isEmpty { parts.append(state.message) }
    return parts
  }

  private func secondsLeft(_ state: State, rate: Double) -> Double? {
    if let seconds = state.secondsLeft { return seconds }
    guard let total = state.total, rate > 0, state.completed > 0 else { return nil }
    return Double(max(0, total - state.completed)) / rate
  }

  private func amount(_ value: Int) -> String {
    switch unit {
    case .bytes: Format.bytes(value)
    case .items: Format.count(value)
    }
  }

  private var noun: String {
    if case .items(let name) = unit { return " " + name }
    return ""
  }
}

import ArgumentParser
import Foundation
import SoupCLI
import SoupSeasoning

/// A search for coefficients as its user sees it: a bar, a state beside the soup, and what is said when it is stopped.
struct CoefficientSearch {
  /// Where the state is kept while the search is not finished.
  let state: String

  /// - Parameter restart: whether to forget an interrupted search.
  init(soup: String, restart: Bool) {
    state = soup + ".state"
    if restart { try? FileManager.default.removeItem(atPath: state) }
  }

  /// Searches to the end.
  /// - Parameters:
  ///   - saveEvery: seconds between two states.
  ///   - search: gets where to save and what to call after every step, with its number from 1, their number and a message; nil
  ///     if it was stopped.
  /// - Returns: the result, and the seconds a step took in this process, opening the ingredients included.
  /// - Throws: `ExitCode` if it was stopped, after saying how to continue.
  func run<Result>(
    _ label: String, saveEvery: Double, _ console: Console,
    _ search: (LearnedSoup.Saving, (_ step: Int, _ total: Int, _ message: String) -> Void) throws -> Result?
  ) throws -> (result: Result, secondsPerStep: Double) {
    var bar: ProgressBar?
    var steps = 0
    let start = ContinuousClock.now
    let result = try search(.init(path: state, every: .seconds(saveEvery))) { step, total, message in
      if bar == nil {
        bar = console.progress(label, total: total, unit: .items("steps"))
        if step > 1 { console.note("continuing after step \(Format.count(step - 1))") }
      }
      steps += 1
      bar?.update(completed: step, message: message)
    }
    bar?.finish()
    guard let result else {
      console.note("stopped; the state is in \(state). Run the same command again to continue")
      throw ExitCode(Interrupts.exitCode)
    }
    return (result, (ContinuousClock.now - start) / .seconds(1) / Double(max(steps, 1)))
  }

  /// After the soup is written.
  func finish() { try? FileManager.default.removeItem(atPath: state) }
}

import Foundation
import SoupCheckpoints
import SoupMixing

/// Scores a recipe with a program of the user's: mixes it into a temporary file and runs a command with its path.
///
/// The command is given to `/bin/sh -c`, with every `{soup}` replaced by the quoted path of a safetensors file. What it
/// prints last is the score: a number, or a JSON object with the number under `score`, or under a key of one's choice.
/// A single ingredient is not mixed: its own file is scored.
public final class CommandScorer: Scorer {
  /// With `{soup}` in it.
  public let command: String
  /// The key of the number in a JSON object.
  public let key: String
  private let program: ScoringProgram
  private let folder: String
  private let mixer: Mixer
  private var scores: [Recipe: Score] = [:]
  private var files = 0
  /// Runs of the program so far.
  public var evaluations: Int { scores.count }

  /// - Parameters:
  ///   - timeout: seconds that one run may take; nil waits.
  ///   - scratch: folder for temporary files; nil takes `/dev/shm` where there is one, else the system's.
  ///   - shouldStop: asked while the program runs; true ends it.
  /// - Throws: `EvaluationError.Code.scorer` for a command without `{soup}`.
  public init(
    _ command: String, key: String = "score", timeout: Double? = nil, scratch: String? = nil, mixer: Mixer = Mixer(),
    shouldStop: @escaping () -> Bool = { false }
  ) throws {
    guard command.contains("{soup}") else {
      throw EvaluationError(
        .scorer, "the scorer '\(command)' does not say where the soup's path goes; put {soup} into it")
    }
    self.command = command
    self.key = key
    self.mixer = mixer
    folder = scratch ?? (FileManager.default.isWritableFile(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory())
    program = ScoringProgram(timeout: timeout, scratch: folder, shouldStop: shouldStop)
  }

  public func score(_ recipe: Recipe) throws -> Score {
    if let known = scores[recipe] { return known }
    let score = Score(external: try value(of: recipe))
    scores[recipe] = score
    return score
  }

  private func value(of recipe: Recipe) throws -> Double {
    if case .uniform = recipe.method, recipe.ingredients.count == 1 { return try run(recipe.ingredients[0].path) }
    files += 1
    let path = "\(folder)/soup-\(ProcessInfo.processInfo.processIdentifier)-\(files).safetensors"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try mixer.mix(recipe, to: path)
    return try run(path)
  }

  private func run(_ path: String) throws -> Double {
    let quoted = "'" + path.replacing("'", with: "'\\''") + "'"
    let line = command.replacing("{soup}", with: quoted)
    let output = try program.run(line)
    guard let value = parse(output) else {
      let last = output.split(separator: "\n").last.map { "'\($0.prefix(200))'" } ?? "nothing"
      throw EvaluationError(
        .scorer, file: path,
        "the scorer must print a finite number, or a JSON object with one under '\(key)', as its last line; it printed "
          + "\(last). It ran: \(line)")
    }
    return value
  }

  /// The number in what was printed: the last line, or the whole as one JSON object.
  private func parse(_ output: String) -> Double? {
    let text = output.trimmingCharacters(in: .whitespacesAndNewlines)
    let last = text.split(whereSeparator: \.isNewline).last.map { $0.trimmingCharacters(in: .whitespaces) } ?? ""
    for candidate in [last, text] {
      if let number = Double(candidate), number.isFinite { return number }
      guard let object = try? JSONSerialization.jsonObject(with: Data(candidate.utf8)) as? [String: Any] else {
        continue
      }
      if object[key] is Bool { return nil }
      return (object[key] as? NSNumber).map(\.doubleValue).flatMap { $0.isFinite ? $0 : nil }
    }
    return nil
  }
}

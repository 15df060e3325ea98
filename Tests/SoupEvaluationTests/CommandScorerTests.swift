import Foundation
import SoupCheckpoints
import SoupEvaluation
import SoupMixing
import SoupTensors
import Testing

@Suite(.serialized) struct CommandScorerTests {
  private let folder = NSTemporaryDirectory() + "soup scorer's " + UUID().uuidString

  init() throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for (name, value) in [("a", Float(1)), ("b", 3)] {
      let dict = try StateDict([("w", HostTensor(floats: [value, value], shape: [2]))])
      try CheckpointWriter.write(dict, to: path(name))
    }
  }

  private func path(_ name: String) -> String { folder + "/\(name).safetensors" }

  private func scorer(_ command: String, key: String = "score", timeout: Double? = nil) throws -> CommandScorer {
    try CommandScorer(command, key: key, timeout: timeout, scratch: folder)
  }

  private func error(_ command: String, timeout: Double? = nil) throws -> String {
    let scorer = try scorer(command, timeout: timeout)
    let thrown = #expect(throws: EvaluationError.self) { try scorer.score(.uniform([path("a"), path("b")])) }
    #expect(thrown?.code == .scorer)
    return thrown?.description ?? ""
  }

  /// The program sees the mixed weights (the last four bytes are the float 2), whatever is in the path.
  @Test func theProgramSeesTheSoup() throws {
    let scorer = try scorer("tail -c 4 {soup} | od -An -tf4")
    #expect(try scorer.score(.uniform([path("a"), path("b")])).external == 2)
    #expect(try scorer.score(.uniform([path("b")])).external == 3)
    #expect(try scorer.score(.interpolate(path("a"), path("b"), alpha: 0.25)).external == 1.5)
    // Asked again, nothing runs; and no temporary file stays.
    #expect(try scorer.score(.uniform([path("b")])).external == 3)
    #expect(scorer.evaluations == 3)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == ["a.safetensors", "b.safetensors"])
  }

  @Test func readsNumbersAndJSONOnTheLastLine() throws {
    let soup = Recipe.uniform([path("a")])
    for (text, value) in [
      ("0.75", 0.75), ("1e-3", 1e-3), ("loading\\n0.5\\n\\n", 0.5), ("{\"score\": 0.25, \"n\": 3}", 0.25), ("-2", -2),
    ] {
      #expect(try scorer("printf '%b' '\(text)' # {soup}").score(soup).external == value)
    }
    #expect(try scorer("echo '{\"accuracy\": 7}' # {soup}", key: "accuracy").score(soup).external == 7)
  }

  @Test func saysWhatWentWrong() throws {
    #expect(try error("echo reason >&2; exit 3 # {soup}").contains("exited with 3"))
    #expect(try error("echo reason >&2; exit 3 # {soup}").contains("reason"))
    #expect(try error("echo hello # {soup}").contains("'hello'"))
    #expect(try error("true # {soup}").contains("nothing"))
    #expect(try error("echo nan # {soup}").contains("finite"))
    #expect(try error("echo '{\"loss\": 1}' # {soup}").contains("under 'score'"))
    #expect(try error("echo '{\"score\": \"x\"}' # {soup}").contains("finite number"))
    #expect(try error("kill -9 $$ # {soup}").contains("signal 9"))
    #expect(throws: EvaluationError.self) { try scorer("python eval.py") }
  }

  /// All of a pipeline is ended, and soon.
  @Test func aSlowProgramIsEnded() throws {
    let start = ContinuousClock.now
    #expect(try error("sleep 60 | sleep 60 # {soup}", timeout: 0.3).contains("longer than 0.3 seconds"))
    #expect(ContinuousClock.now - start < .seconds(20))
  }
}

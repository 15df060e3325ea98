import Foundation
import SoupTraining
import Testing

@Suite struct TrainingLogTests {
  @Test func writesOneObjectALine() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/deep/run.jsonl"
      let log = try TrainingLog(path: path)
      try log.write(event: "train", ["step": 20, "loss": 0.5, "grad_norm": .infinity])
      try log.write(event: "end", [:])
      let text = try String(contentsOfFile: path, encoding: .utf8)
      #expect(text == #"{"event":"train","grad_norm":null,"loss":0.5,"step":20}"# + "\n" + #"{"event":"end"}"# + "\n")
      #expect(log.byteCount == UInt64(text.utf8.count))
    }
  }

  @Test func resumingDropsWhatCameAfterTheState() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/run.jsonl"
      let log = try TrainingLog(path: path)
      try log.write(event: "train", ["step": 1])
      let saved = log.byteCount
      try log.write(event: "train", ["step": 2])
      try TrainingLog(path: path, keeping: saved).write(event: "train", ["step": 2])
      let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
      #expect(lines == [#"{"event":"train","step":1}"#, #"{"event":"train","step":2}"#])
    }
  }

  @Test func namesTheFileItCannotWrite() throws {
    #expect(throws: TrainingError.self) { try TrainingLog(path: "/dev/null/run.jsonl") }
  }
}

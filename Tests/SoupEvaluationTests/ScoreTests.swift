import Foundation
import SoupEvaluation
import SoupTensors
import Testing

@Suite struct ScoreTests {
  /// Written by `Tools/reference_training.py` with PyTorch and numpy.
  struct Reference: Decodable {
    let logits: [[Float]]
    let labels: [Int]
    let top1, top5, loss, eceEqualMass, eceEqualWidth: Double
    let perClass: [Double]

    enum CodingKeys: String, CodingKey {
      case logits, labels, top1, top5, loss
      case eceEqualMass = "ece_equal_mass"
      case eceEqualWidth = "ece_equal_width"
      case perClass = "per_class"
    }
  }

  @Test func agreesWithPyTorchAndNumpy() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appending(path: "../Fixtures/evaluation/metrics.json")
    let reference = try JSONDecoder().decode(Reference.self, from: Data(contentsOf: file))
    let logits = try HostTensor(floats: reference.logits.flatMap { $0 }, shape: [64, 7])
    let score = try Score(logits: logits, labels: reference.labels)
    #expect(score.top1 == reference.top1)
    #expect(score.top5 == reference.top5)
    #expect(abs(score.loss - reference.loss) < 1e-12)
    #expect(abs(score.ece - reference.eceEqualMass) < 1e-12)
    #expect(abs(score.eceEqualWidth - reference.eceEqualWidth) < 1e-12)
    #expect(score.perClass == reference.perClass)
    #expect(score.count == 64)
    #expect(score.nonFinite == 0)
  }

  /// Worked by hand: any of the right classes counts, and their probabilities add up.
  @Test func severalClassesMayBeRight() throws {
    let logits = try HostTensor(floats: [0, 0, Float(log(2.0)), 3, 1, 2], shape: [2, 3])
    let score = try Score(logits: logits, labels: [0, 1], targets: [[0, 2], [1, 2]])
    #expect(score.top1 == 0.5)
    let second = log(exp(3.0) + exp(1.0) + exp(2.0)) - log(exp(1.0) + exp(2.0))
    #expect(abs(score.loss - (-log(0.75) + second) / 2) < 1e-6)
    #expect(score.perClass[0] == 1 && score.perClass[1] == 0)
    let same = try Score(logits: logits, labels: [0, 1], targets: [[0], [1]])
    let plain = try Score(logits: logits, labels: [0, 1])
    #expect(same.top1 == plain.top1 && same.loss == plain.loss && same.top5 == plain.top5)
    #expect(throws: EvaluationError.self) { try Score(logits: logits, labels: [0, 1], targets: [[0], []]) }
    #expect(throws: EvaluationError.self) { try Score(logits: logits, labels: [0, 1], targets: [[0], [3]]) }
  }

  @Test func uniformLogitsLoseLogOfClassesAndAreRightOnTheFirstClassOnly() throws {
    let logits = try HostTensor(floats: [Float](repeating: 3, count: 40), shape: [4, 10])
    let score = try Score(logits: logits, labels: [0, 1, 4, 9])
    #expect(abs(score.loss - Foundation.log(10.0)) < 1e-12)
    #expect(score.top1 == 0.25)
    #expect(score.top5 == 0.75)
    #expect(score.perClass[0] == 1)
    #expect(score.perClass[1] == 0)
    #expect(score.perClass[2].isNaN)
  }

  @Test func enormousLogitsStayFinite() throws {
    let logits = try HostTensor(floats: [3e38, -3e38, -3e38, 3e38], shape: [2, 2])
    let score = try Score(logits: logits, labels: [0, 1])
    #expect(score.loss == 0)
    #expect(score.top1 == 1)
  }

  @Test func brokenRowsAreWrongAndSurviveJSON() throws {
    let logits = try HostTensor(floats: [1, 0, .nan, 0, .infinity, 0], shape: [3, 2])
    let score = try Score(logits: logits, labels: [0, 0, 0])
    #expect(score.top1 == 1.0 / 3)
    #expect(score.nonFinite == 2)
    #expect(score.loss.isNaN)
    #expect(Metric.loss.quality(of: score) == -.infinity)
    let back = try JSONDecoder().decode(Score.self, from: JSONEncoder().encode(score))
    #expect(back.loss.isNaN && back.perClass[1].isNaN)
    #expect(back.top1 == score.top1 && back.nonFinite == 2 && back.ece == score.ece)
  }

  @Test func refusesWhatDoesNotFit() throws {
    let logits = try HostTensor(floats: [1, 0, 0, 1], shape: [2, 2])
    #expect(throws: EvaluationError.self) { try Score(logits: logits, labels: [0]) }
    #expect(throws: EvaluationError.self) { try Score(logits: logits, labels: [0, 2]) }
    #expect(throws: EvaluationError.self) { try Score(logits: logits, labels: [0, -1]) }
    let none = try HostTensor(floats: [], shape: [0, 2])
    #expect(throws: EvaluationError.self) { try Score(logits: none, labels: []) }
  }
}

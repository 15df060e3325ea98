import SoupEvaluation
import Testing

@Suite struct CalibrationErrorTests {
  private func confidences(_ pairs: [(Double, Bool)]) -> [Confidence] {
    pairs.map { Confidence(value: $0.0, right: $0.1) }
  }

  @Test func handComputed() {
    let values = confidences([(0.9, true), (0.6, false), (1.0, true), (0.7, true), (0.8, false)])
    // Equal mass, sizes 3 and 2: {.6 wrong, .7 right, .8 wrong} and {.9 right, 1 right}.
    let mass = (3 * abs(1.0 / 3 - 0.7) + 2 * abs(1 - 0.95)) / 5
    #expect(abs(CalibrationError(.equalMass, count: 2).value(of: values) - mass) < 1e-12)
    // Equal width, all above one half: one bin.
    let width = abs(3.0 / 5 - 0.8)
    #expect(abs(CalibrationError(.equalWidth, count: 2).value(of: values) - width) < 1e-12)
  }

  @Test func binsOfEqualWidthAreClosedAbove() {
    // .5 belongs to (0, .5], so the two images share no bin and their gaps do not cancel.
    let values = confidences([(0.5, true), (0.75, false)])
    #expect(abs(CalibrationError(.equalWidth, count: 2).value(of: values) - (0.5 + 0.75) / 2) < 1e-12)
  }

  @Test(arguments: CalibrationError.Bins.allCases)
  func oneBinIsTheGapOfTheMeans(bins: CalibrationError.Bins) {
    let values = confidences([(0.2, true), (0.9, false), (0.7, true), (1, true)])
    #expect(abs(CalibrationError(bins, count: 1).value(of: values) - abs(0.75 - 0.7)) < 1e-12)
  }

  @Test(arguments: CalibrationError.Bins.allCases)
  func fewerImagesThanBins(bins: CalibrationError.Bins) {
    #expect(CalibrationError(bins).value(of: []) == 0)
    #expect(CalibrationError(bins).value(of: confidences([(1, true), (1, true)])) == 0)
    #expect(abs(CalibrationError(bins).value(of: confidences([(0.4, false), (0.9, true)])) - 0.25) < 1e-12)
  }
}

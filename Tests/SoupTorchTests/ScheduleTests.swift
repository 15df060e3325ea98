import Foundation
import SoupTorch
import Testing

@Suite struct ScheduleTests {
  struct Expected: Decodable {
    let base: Double
    let constant: [Double]
    let cosine: [Double]
    let multiStep: [Double]
    let warmupCosine: [Double]
  }

  @Test func ratesAreThoseOfPyTorchsSchedulers() throws {
    let expected: Expected = try Fixture.read("schedules")
    let pairs: [(Schedule, [Double])] = [
      (.constant, expected.constant), (.cosine, expected.cosine),
      (.multiStep(steps: [3, 8], factor: 0.1), expected.multiStep),
      (.warmupCosine(warmupSteps: 4), expected.warmupCosine),
    ]
    for (schedule, rates) in pairs {
      let found = (0..<12).map { schedule.learningRate(base: expected.base, step: $0, totalSteps: 12) }
      #expect(deviation(found, rates) < 1e-12, "\(schedule)")
    }
  }

  @Test func aScheduleEndsAtZeroAndStaysThere() {
    for schedule in [Schedule.cosine, .warmupCosine(warmupSteps: 2)] {
      #expect(schedule.learningRate(base: 1, step: 10, totalSteps: 10) < 1e-15)
      #expect(schedule.learningRate(base: 1, step: 99, totalSteps: 10) < 1e-15)
    }
    #expect(Schedule.warmupCosine(warmupSteps: 5).learningRate(base: 1, step: 7, totalSteps: 5) == 1)
  }

  @Test func schedulesAreStoredAndReadBack() throws {
    for schedule in [
      Schedule.constant, .cosine, .warmupCosine(warmupSteps: 7), .multiStep(steps: [1, 5], factor: 0.5),
    ] {
      let data = try JSONEncoder().encode(schedule)
      #expect(try JSONDecoder().decode(Schedule.self, from: data) == schedule)
    }
  }
}

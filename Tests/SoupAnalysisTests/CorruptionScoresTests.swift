import SoupAnalysis
import Testing

@Suite struct CorruptionScoresTests {
  /// Errors that are the same at every severity.
  private static func scores(_ factor: (Int) -> Double, clean: Double? = nil) throws -> CorruptionScores {
    var scores = CorruptionScores(cleanError: clean)
    for (index, (corruption, error)) in AlexNetErrors.test.enumerated() {
      for severity in 1...5 { try scores.add(corruption, severity: severity, error: error * factor(index)) }
    }
    return scores
  }

  @Test func alexNetHasOneHundredPercent() throws {
    let scores = try Self.scores({ _ in 1 }, clean: AlexNetErrors.clean)
    #expect(abs(try scores.meanCorruptionError() - 1) < 1e-12)
    #expect(abs(try scores.relativeMeanCorruptionError() - 1) < 1e-12)
  }

  /// The corruption errors of ResNet-50 in the paper's Table 1, whole percents; their mean is printed as 76.7.
  @Test func theCorruptionErrorsOfResNet50GiveItsPublishedMean() throws {
    let published = [80.0, 82, 83, 75, 89, 78, 80, 78, 75, 66, 57, 71, 85, 77, 77]
    let scores = try Self.scores { published[$0] / 100 }
    #expect(abs(100 * (try scores.meanCorruptionError()) - 76.7) < 0.5)
    #expect(abs(try scores.corruptionError(of: "fog") - 0.66) < 1e-12)
  }

  /// 76.7 % mCE are about 60.8 % errors unnormalised, the 39.2 % accuracy that is reported for ResNet-50.
  @Test func theUnnormalisedMeanOfResNet50IsThatOfOtherPapers() throws {
    let published = [80.0, 82, 83, 75, 89, 78, 80, 78, 75, 66, 57, 71, 85, 77, 77]
    let scores = try Self.scores { published[$0] / 100 }
    #expect(abs(100 * (scores.meanAccuracy ?? 0) - 39.2) < 0.5)
  }

  @Test func severitiesWeighTheSame() throws {
    var scores = CorruptionScores()
    for (severity, error) in zip(1...5, [0.1, 0.2, 0.3, 0.4, 0.9]) {
      try scores.add("fog", severity: severity, error: error)
      try scores.add("snow", severity: severity, error: 0.5)
    }
    #expect(abs((scores.meanError(of: "fog") ?? 0) - 0.38) < 1e-12)
    #expect(abs((scores.meanError(atSeverity: 5) ?? 0) - 0.7) < 1e-12)
    #expect(abs((scores.meanError ?? 0) - 0.44) < 1e-12)
    #expect(abs(try scores.corruptionError(of: "fog") - 0.38 / 0.819324) < 1e-12)
    #expect(scores.severities == [1, 2, 3, 4, 5])
    #expect(scores.corruptions == ["fog", "snow"])
  }

  @Test func everyMissingCorruptionIsNamed() throws {
    var scores = CorruptionScores(cleanError: 0.2)
    try scores.add("fog", severity: 3, error: 0.5)
    let error = #expect(throws: AnalysisError.self) { try scores.meanCorruptionError() }
    #expect(error?.description.contains("gaussian_noise") == true && error?.description.contains("fog") == true)
    #expect(throws: AnalysisError.self) { try scores.corruptionError(of: "mosaic") }
    #expect(scores.meanError == 0.5)
  }

  @Test func errorsAreSharesAndSeveritiesOneToFive() {
    var scores = CorruptionScores()
    for (severity, error) in [(0, 0.5), (6, 0.5), (1, -0.1), (1, 1.5), (1, .nan)] {
      #expect(throws: AnalysisError.self) { try scores.add("fog", severity: severity, error: error) }
    }
  }
}

@Suite struct SuperClassesTests {
  @Test func aGroupHasTheMeanOfItsMembers() throws {
    let groups = try SuperClasses([("dog", [0, 1, 2]), ("cat", [4])], classCount: 5)
    #expect(groups.probabilities(of: [0.3, 0.2, 0.1, 0.3, 0.25]) == [Float(0.6) / 3, 0.25])
    // More probability in all, but less a class.
    #expect(groups.prediction(of: [0.3, 0.2, 0.1, 0.3, 0.25]) == 1)
    #expect(groups.prediction(of: [0.3, 0.3, 0.3, 0, 0.1]) == 0)
  }

  @Test func jsonAndLinesSayTheSame() throws {
    let json = try SuperClasses(parsing: #"{"cat": [3, 4], "dog": [0]}"#, classCount: 6)
    let lines = try SuperClasses(parsing: "class,name\n# pets\n3,cat\n0, dog\n4,cat\n", classCount: 6)
    #expect(json == lines)
    #expect(json.names == ["cat", "dog"] && json.members == [[3, 4], [0]])
  }

  @Test func everyImpossibleClassIsNamed() {
    let error = #expect(throws: AnalysisError.self) {
      try SuperClasses([("a", [0, 9]), ("b", [0, -1])], classCount: 5)
    }
    for word in ["9 is not", "-1 is not", "0 is in two"] { #expect(error?.description.contains(word) == true) }
    #expect(throws: AnalysisError.self) { try SuperClasses(parsing: "1,a\nx,b\n") }
    #expect(throws: AnalysisError.self) { try SuperClasses(parsing: "{") }
    #expect(throws: AnalysisError.self) { try SuperClasses(parsing: "1,only\n") }
  }
}

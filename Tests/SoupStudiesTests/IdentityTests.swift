import Foundation
import SoupStudies
import Testing

/// What a run is known by changes with what it depends on, and with nothing else.
@Suite struct IdentityTests {
  private static let yaml = """
    data: mnist:/data
    base: {model: resnet20, epochs: 2}
    ingredients: {count: 3, settings: {lr: {log-uniform: [0.01, 0.1]}}}
    soups:
      best: {}
      uniform: {}
      greedy: {accept: better}
    evaluate: [held-out, test]
    """

  private func identities(_ yaml: String, contents: String = "1") throws -> [String: RunIdentity] {
    let graph = try StudyFile(yaml: yaml).graph()
    var identities: [String: RunIdentity] = [:]
    for run in graph.runs { identities[run.name] = RunIdentity(run, identities: identities) { $0 + contents } }
    return identities
  }

  private func changed(by old: String, _ new: String) throws -> Set<String> {
    let before = try identities(Self.yaml)
    let after = try identities(Self.yaml.replacingOccurrences(of: old, with: new))
    return Set(after.filter { before[$0.key] != $0.value }.keys)
  }

  /// By sha256sum, of the command as Guides/Studies.md says it: finished work stays finished with every new version.
  @Test func anIdentityIsTheHashOfTheCommandAndOfWhatItReads() throws {
    let identities = try identities(Self.yaml)
    #expect(identities["base"]?.hash == "f5bfb4ab58859b30e25239b7815e400a0302e7ce1626d905f72bdda33bc3925d")
  }

  @Test func aChangedSoupChangesItselfAndItsScores() throws {
    #expect(try changed(by: "better", "not-worse") == ["greedy", "greedy.held-out", "greedy.test"])
  }

  @Test func aFurtherIngredientChangesWhatIsMadeOfAll() throws {
    #expect(
      try changed(by: "count: 3", "count: 4") == [
        "ingredient-04", "ingredient-04.held-out", "ingredient-04.test", "best", "best.held-out", "best.test",
        "uniform", "uniform.held-out", "uniform.test", "greedy", "greedy.held-out", "greedy.test",
      ])
  }

  @Test func aChangedBaseChangesEverything() throws {
    #expect(try changed(by: "epochs: 2", "epochs: 3").count == identities(Self.yaml).count)
  }

  @Test func aFurtherSetChangesNothingThatWasThere() throws {
    #expect(
      try changed(by: "evaluate: [held-out, test]", "evaluate: [held-out, test, train]").allSatisfy {
        $0.hasSuffix(".train")
      })
  }

  @Test func threadsNamesAndRetriesPlayNoPart() throws {
    let text = "retries: 5\nname: other\nworkers: 3\noptions: {train: {loader-threads: 2}}\n" + Self.yaml
    #expect(try identities(text) == identities(Self.yaml))
  }

  @Test func theDataDoes() throws {
    let (before, after) = (try identities(Self.yaml), try identities(Self.yaml, contents: "2"))
    #expect(before["ingredient-01"] != after["ingredient-01"] && before["uniform"] != after["uniform"])
  }

  @Test func filesAreKnownByTheirContents() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/soup-study-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Data("abc".utf8).write(to: URL(filePath: folder + "/a"))
    // SHA-256 of "abc", FIPS 180-2, appendix B.1.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    let fingerprints = Fingerprints()
    #expect(try fingerprints(folder + "/a") == abc)
    let whole = try fingerprints(folder)
    // What is remembered is not read again, until size or time change.
    let remembered = Fingerprints(known: fingerprints.computed)
    #expect(try remembered(folder) == whole && remembered.computed.isEmpty)
    try Data("abcd".utf8).write(to: URL(filePath: folder + "/a"))
    #expect(try Fingerprints(known: fingerprints.computed)(folder) != whole)
    #expect(throws: StudyError.self) { try fingerprints(folder + "/none") }
  }
}

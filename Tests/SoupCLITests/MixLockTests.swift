import Foundation
import SoupMixing
import Testing

/// What `soup mix` writes beside a soup.
@Suite struct MixLockTests {
  private let models = (1...3).map { fixture("merges/m\($0).float32.safetensors") }

  private func mix(_ folder: TemporaryFolder, _ options: String...) throws -> [String] {
    // No hash is known from before, and none is kept.
    let script = "env -u XDG_CACHE_HOME HOME= $SOUP mix \(models.joined(separator: " ")) -q --threads 1 --force"
    let result = try SoupProgram.shell(
      "\(script) -o soup.safetensors \(options.joined(separator: " "))", in: folder.path)
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    return try folder.contents
  }

  @Test func everyFileHasItsSHA256UnlessToldOtherwise() throws {
    let folder = try TemporaryFolder()
    #expect(try mix(folder, "--lock", "none") == ["soup.safetensors"])
    #expect(try mix(folder, "--no-lock") == ["soup.safetensors"])
    #expect(try mix(folder, "--lock", "sample") == ["soup.lock", "soup.safetensors"])
    var lock = try SoupLock.read(folder["soup.lock"]).lock
    #expect((lock.inputs.flatMap(\.files) + lock.outputs).allSatisfy { $0.sha256 == nil && $0.sample.count == 64 })
    #expect(try mix(folder) == ["soup.lock", "soup.safetensors"])
    lock = try SoupLock.read(folder["soup.lock"]).lock
    #expect(lock.inputs.count == 3 && lock.outputs.count == 1)
    for file in lock.inputs.flatMap(\.files) + lock.outputs {
      let path = file.path.hasPrefix("/") ? file.path : folder[file.path]
      #expect(try file.sha256 == FileDigest.sha256(path))
    }
  }
}

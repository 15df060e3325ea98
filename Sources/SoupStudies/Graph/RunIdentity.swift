import Crypto
import Foundation

/// What a run is known by: the SHA-256 of its command and of what it reads.
///
/// Paths play no part. A word that names another run's result stands for that run's identity, a word that names a file
/// for the file's contents, so that a changed word changes the identity of the run and of everything that follows from
/// it, and of nothing else. Nor do the number of threads and the version of `soup`: a result stays when they change.
public struct RunIdentity: Sendable, Hashable {
  public let hash: String

  /// - Parameters:
  ///   - identities: of the runs that it needs.
  ///   - fingerprint: of the contents of a file or folder outside the study.
  public init(
    _ run: RunSpecification, identities: [String: RunIdentity], fingerprint: (String) throws -> String
  ) rethrows {
    var lines = ["soup run 1"]
    for word in run.words {
      switch word {
      case .text(let text): lines.append("text \(text.utf8.count) \(text)")
      case .detail: break
      case .result(let name, let file): lines.append("result \(identities[name]!.hash) \(file)")
      case .file(let path): lines.append("file \(try fingerprint(path))")
      case .output(let file): lines.append("output \(file)")
      }
    }
    for path in run.readings { lines.append("reads \(try fingerprint(path))") }
    for output in run.outputs { lines.append("writes \(output)") }
    let digest = SHA256.hash(data: Data(lines.joined(separator: "\n").utf8))
    hash = digest.map { String(format: "%02x", $0) }.joined()
  }

  /// The name of its folder: readable, and its own.
  public func folder(_ name: String) -> String { name + "-" + hash.prefix(10) }
}

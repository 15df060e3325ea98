import SoupCheckpoints
import SoupTensors

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Makes a soup again from its lock, and says whether it is the same.
public struct LockReplay: Codable, Sendable, Equatable {
  public enum Agreement: String, Codable, Sendable {
    /// SHA-256 of every file is that of the lock.
    case same
    /// Every byte is that of the soup on the disk; the lock has no SHA-256.
    case sameAsFile
    /// Sizes and samples are those of the lock, which has no SHA-256; the soup itself is gone.
    case sampled
  }

  /// Where the rebuilt soup is; nil if it was only compared.
  public let output: String?
  public let agreement: Agreement
  public let report: MixReport
}

/// Mixes the stages of a lock. The command line gives a replay the one that `soup mix` uses, with all output formats.
public typealias LockMixer = (_ lock: SoupLock, _ files: [String: String], _ output: String) throws -> MixReport

extension Mixer {
  /// Mixes the stages of a lock into a soup of its form, without card and copied files. Results of earlier stages are kept beside it until it is complete.
  /// - Parameter files: where the ingredients are now, by their names in the recipes.
  public func mix(
    _ lock: SoupLock, files: [String: String], to output: String, progress: (@Sendable (MixProgress) -> Void)? = nil
  ) throws -> MixReport {
    let stages = lock.stages.map { RecipeFile.Stage(name: $0.name, recipe: $0.recipe) }
    let staged = StagedMix(stages, output: output)
    defer { staged.remove() }
    let plan = try staged.mixEarlierStages(with: self, files: files)
    return try mix(plan, to: lock.soup.destination(output), progress: progress)
  }
}

extension SoupLock {
  /// Mixes again into `output`, after checking that the ingredients are those of the lock.
  ///
  /// - Parameters:
  ///   - path: the lock's file.
  ///   - output: where to; nil to compare only, or where nothing is at the soup's own place, to put it there.
  ///   - replacing: whether an existing output may be replaced.
  ///   - samples: compare sizes and samples of the ingredients, not all their bytes.
  ///   - mix: how to mix, such as `Mixer.mix(_:files:to:)`.
  /// - Throws: `LockError.Code.differs` with every ingredient that is missing or changed; `notReproduced`, and then
  ///   `output` is kept for comparison.
  public func replay(
    at path: String, to output: String? = nil, replacing: Bool = false, samples: Bool = false, mix: LockMixer
  ) throws -> LockReplay {
    try LockVerification(self, at: path, roles: [.input], samples: samples).requireIntact()
    let paths = LockPaths(lock: path)
    var files: [String: String] = [:]
    for input in inputs { files[input.name] = paths.located(input.path) }
    let original = paths.located(soup.path)
    let isThere = FileManager.default.fileExists(atPath: original)
    let target = output ?? (isThere ? Self.temporary(beside: original) : original)
    let isTemporary = output == nil && isThere
    defer { if isTemporary { try? FileManager.default.removeItem(atPath: target) } }
    if !isTemporary, !replacing, FileManager.default.fileExists(atPath: target) {
      throw CheckpointError(
        .exists, target, "exists already", advice: "name another output, or allow replacing it with --force")
    }
    let report = try mix(self, files, target)
    let agreement = try compare(report.files, target, paths)
    return LockReplay(output: isTemporary ? nil : target, agreement: agreement, report: report)
  }

  private func compare(
    _ made: [String], _ target: String, _ paths: LockPaths
  ) throws -> LockReplay.Agreement {
    var problems: [String] = []
    var weakest = LockReplay.Agreement.same
    func name(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
    for expected in outputs {
      // The one file of a soup may have another name now; those of a folder, or of an index, have their own.
      guard let path = !soup.isFolder ? made.first : made.first(where: { name($0) == name(expected.path) }) else {
        problems.append("\(expected.path): was not made again")
        continue
      }
      let bytes = FileState(path).bytes
      if bytes != expected.bytes {
        problems.append("\(path): has \(bytes) bytes, not \(expected.bytes)")
      } else if let hash = expected.sha256 {
        let found = try FileDigest.sha256(path) ?? ""
        if found != hash { problems.append("\(path): SHA-256 is \(found), not \(hash)") }
      } else if try FileDigest.sample(path) != expected.sample {
        problems.append("\(path): its sample differs")
      } else {
        let old = paths.located(expected.path)
        let sample = path != old && FileState(old).bytes == bytes ? try FileDigest.sample(old) : nil
        let isIntact = sample == expected.sample
        if isIntact, !FileManager.default.contentsEqual(atPath: path, andPath: old) {
          problems.append("\(path): differs from \(old)")
        }
        weakest = isIntact && weakest != .sampled ? .sameAsFile : .sampled
      }
    }
    guard problems.isEmpty else {
      let other =
        version == SoupVersion.current ? "" : "; the lock is of version \(version), this is \(SoupVersion.current)"
      throw LockError(
        .notReproduced, target, "is not the soup of the lock\(other)", problems: problems,
        advice: "the ingredients are the same, so the program or its settings differ")
    }
    return weakest
  }

  static func temporary(beside path: String) -> String {
    let slash = path.lastIndex(of: "/")
    let folder = slash.map { String(path[...$0]) } ?? ""
    let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    return "\(folder)replay-\(String(UInt64.random(in: 0...UInt64.max), radix: 36))-\(name)"
  }
}

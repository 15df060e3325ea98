import Synchronization

/// Every file of a lock, compared with what is on the disk.
public struct LockVerification: Codable, Sendable, Equatable {
  public enum Role: String, Codable, Sendable { case input, output }

  public enum Status: String, Codable, Sendable {
    /// All bytes are the same: SHA-256.
    case same
    /// Size and sample are the same; the lock has no SHA-256.
    case sampled
    case changed
    case missing
  }

  public struct Entry: Codable, Sendable, Equatable {
    public let role: Role
    /// Where the file was looked for.
    public let path: String
    public let bytes: Int
    public let status: Status
    /// What differs, expected and found; empty if nothing does.
    public let detail: String
  }

  /// The lock's file.
  public let lock: String
  /// Inputs in recipe order, then outputs.
  public let entries: [Entry]

  public var differing: [Entry] { entries.filter { $0.status == .changed || $0.status == .missing } }
  public var isIntact: Bool { differing.isEmpty }

  /// Reads the files and compares. Cached hashes are not trusted.
  /// - Parameters:
  ///   - roles: which files.
  ///   - samples: compare sizes and samples only, in milliseconds.
  ///   - progress: called from several threads with the bytes read so far and in all.
  public init(
    _ lock: SoupLock, at path: String, roles: Set<Role> = [.input, .output], samples: Bool = false,
    threads: Int? = nil, progress: (@Sendable (Int, Int) -> Void)? = nil
  ) throws {
    let paths = LockPaths(lock: path)
    var files: [(Role, SoupLock.File)] = []
    if roles.contains(.input) { files += lock.inputs.flatMap(\.files).map { (.input, $0) } }
    if roles.contains(.output) { files += lock.outputs.map { (.output, $0) } }
    let total = files.reduce(0) { $0 + ($1.1.sha256 == nil || samples ? 0 : $1.1.bytes) }
    let done = Mutex(0)
    let found = Mutex<[Int: Entry]>([:])
    let list = files
    try WorkQueue(threads: threads ?? WorkQueue.allCores).run(list.count) { index in
      let (role, file) = list[index]
      let place = paths.located(file.path)
      let (status, detail) = try Self.compare(file, at: place, samples: samples) { bytes in
        let sum = done.withLock { sum in
          sum += bytes
          return sum
        }
        progress?(sum, total)
      }
      found.withLock {
        $0[index] = Entry(role: role, path: place, bytes: file.bytes, status: status, detail: detail)
      }
    }
    self.lock = path
    entries = found.withLock { found in list.indices.compactMap { found[$0] } }
  }

  private static func compare(
    _ file: SoupLock.File, at path: String, samples: Bool, progress: (Int) -> Void
  ) throws -> (Status, String) {
    let state = FileState(path)
    guard state.node != 0, !SoupLock.isFolder(path) else { return (.missing, "does not exist") }
    guard state.bytes == file.bytes else { return (.changed, "has \(state.bytes) bytes, not \(file.bytes)") }
    if let expected = file.sha256, !samples {
      let hash = try FileDigest.sha256(path, progress: progress) ?? ""
      return hash == expected ? (.same, "") : (.changed, "SHA-256 is \(hash), not \(expected)")
    }
    let sample = try FileDigest.sample(path)
    return sample == file.sample ? (.sampled, "") : (.changed, "its sample is \(sample), not \(file.sample)")
  }
}

extension SoupLock {
  /// This lock with the SHA-256 of every file that had only a sample.
  /// - Throws: `LockError.Code.differs` if any file is missing or differs from what the lock knows of it.
  public func completed(
    at path: String, threads: Int? = nil, progress: (@Sendable (Int, Int) -> Void)? = nil
  ) throws -> SoupLock {
    let check = try LockVerification(self, at: path, threads: threads)
    try check.requireIntact()
    let paths = LockPaths(lock: path)
    var places = Set<String>()
    for file in inputs.flatMap(\.files) + outputs where file.sha256 == nil { places.insert(file.path) }
    let list = places.sorted()
    let total = list.reduce(0) { $0 + FileState(paths.located($1)).bytes }
    let done = Mutex(0)
    let hashes = Mutex<[String: String]>([:])
    try WorkQueue(threads: threads ?? WorkQueue.allCores).run(list.count) { index in
      let hash = try FileDigest.sha256(
        paths.located(list[index]),
        progress: { bytes in
          let sum = done.withLock { sum in
            sum += bytes
            return sum
          }
          progress?(sum, total)
        })
      hashes.withLock { $0[list[index]] = hash }
    }
    let found = hashes.withLock { $0 }
    var lock = self
    for input in lock.inputs.indices {
      for file in lock.inputs[input].files.indices where lock.inputs[input].files[file].sha256 == nil {
        lock.inputs[input].files[file].sha256 = found[lock.inputs[input].files[file].path]
      }
    }
    for file in lock.outputs.indices where lock.outputs[file].sha256 == nil {
      lock.outputs[file].sha256 = found[lock.outputs[file].path]
    }
    return lock
  }
}

extension LockVerification {
  /// - Throws: `LockError.Code.differs` with every file that is missing or differs.
  public func requireIntact() throws {
    guard !isIntact else { return }
    let count = differing.count
    throw LockError(
      .differs, lock, "does not describe the files any more: \(count) of \(entries.count) differ",
      problems: differing.map { "\($0.role.rawValue) \($0.path): \($0.detail)" },
      advice: "bring back the files it names, or mix again")
  }
}

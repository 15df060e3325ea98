import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// SHA-256 hashes that are known already: the same ingredients are mixed again and again, but hashed once.
///
/// A hash is found again by device, inode, size and both times of change of its file, down to the nanosecond; the time of
/// change of the inode cannot be set back by a program. Hashes of files that changed in the last two seconds are not
/// kept. It serves to write locks fast; verifying never trusts it.
///
/// One line of text a file in `$XDG_CACHE_HOME/soup/sha256`, by default `~/.cache/soup/sha256`. Failing to read or write
/// it costs only time.
final class HashCache: Sendable {
  /// That of this user.
  static let standard = HashCache(path: defaultPath)
  /// Lines after which the oldest half is dropped.
  private static let limit = 20_000

  private let path: String?
  private let known: Mutex<[FileState: String]>

  init(path: String?) {
    self.path = path
    var known: [FileState: String] = [:]
    if let path, let data = FileManager.default.contents(atPath: path) {
      let lines = String(decoding: data, as: UTF8.self).split(separator: "\n")
      for line in lines { if let (state, hash) = Self.parse(line) { known[state] = hash } }
      if lines.count > Self.limit {
        let kept = lines.suffix(Self.limit / 2).joined(separator: "\n") + "\n"
        try? Data(kept.utf8).write(to: URL(filePath: path), options: .atomic)
      }
    }
    self.known = Mutex(known)
  }

  subscript(state: FileState) -> String? { state.bytes == 0 ? nil : known.withLock { $0[state] } }

  /// - Parameter state: from before hashing; nothing is kept if the file has changed since.
  func add(_ hash: String, of path: String, _ state: FileState) {
    guard let cache = self.path, state.bytes > 0, state.isSettled, FileState(path) == state else { return }
    guard known.withLock({ $0.updateValue(hash, forKey: state) }) == nil else { return }
    let folder = cache.lastIndex(of: "/").map { String(cache[..<$0]) } ?? "."
    try? FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let descriptor = open(cache, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    // One call of the system for a line: lines of several processes do not mix.
    var line = Self.line(state, hash)
    line.withUTF8 { _ = write(descriptor, $0.baseAddress, $0.count) }
  }

  private static func line(_ state: FileState, _ hash: String) -> String {
    "\(hash) \(state.device) \(state.node) \(state.bytes) \(state.seconds) \(state.nanoseconds) "
      + "\(state.changeSeconds) \(state.changeNanoseconds)\n"
  }

  private static func parse(_ line: Substring) -> (FileState, String)? {
    let words = line.split(separator: " ")
    let numbers = words.dropFirst().compactMap { Int($0) }
    guard words.count == 8, numbers.count == 7, words[0].utf8.count == 64 else { return nil }
    return (
      FileState(
        device: UInt64(truncatingIfNeeded: numbers[0]), node: UInt64(truncatingIfNeeded: numbers[1]),
        bytes: numbers[2], time: (numbers[3], numbers[4]), change: (numbers[5], numbers[6])),
      String(words[0])
    )
  }

  private static var defaultPath: String? {
    let environment = ProcessInfo.processInfo.environment
    if let folder = environment["XDG_CACHE_HOME"], folder.hasPrefix("/") { return folder + "/soup/sha256" }
    return environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 + "/.cache/soup/sha256" : nil }
  }
}

extension FileState {
  fileprivate init(device: UInt64, node: UInt64, bytes: Int, time: (Int, Int), change: (Int, Int)) {
    self.bytes = bytes
    (seconds, nanoseconds) = time
    (changeSeconds, changeNanoseconds) = change
    self.device = device
    self.node = node
  }
}

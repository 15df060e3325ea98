import Foundation

/// A log file that only grows, and that a resumed run cuts back to where its saved state stood: the steps that were
/// lost by a kill are logged again once, not twice.
package final class AppendFile {
  package let path: String
  private let handle: FileHandle
  /// Bytes in the file, written by this run or the runs that it continues.
  package private(set) var byteCount: UInt64

  /// - Parameter keeping: bytes of an existing file to keep; nil starts an empty file.
  package init(path: String, keeping: UInt64?) throws {
    self.path = path
    do {
      let url = URL(fileURLWithPath: path)
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      if !FileManager.default.fileExists(atPath: path) { try Data().write(to: url) }
      handle = try FileHandle(forWritingTo: url)
      let existing = try handle.seekToEnd()
      byteCount = min(existing, keeping ?? 0)
      try handle.truncate(atOffset: byteCount)
      try handle.seek(toOffset: byteCount)
    } catch {
      throw TrainingError.log(path: path, reason: error)
    }
  }

  package func append(_ data: Data) throws {
    do { try handle.write(contentsOf: data) } catch { throw TrainingError.log(path: path, reason: error) }
    byteCount += UInt64(data.count)
  }

  /// Forces everything written so far to the disk: a state must not claim log bytes that a crash could lose.
  package func synchronize() throws {
    do { try handle.synchronize() } catch { throw TrainingError.log(path: path, reason: error) }
  }

  deinit { try? handle.close() }
}

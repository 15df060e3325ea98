import Crypto
import SoupCheckpoints
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

/// Hashes of a file's contents, in lower-case hexadecimal digits.
///
/// Two kinds. `sha256` is that of all bytes, the one that `sha256sum` prints and that model hubs publish. `sample` is the
/// SHA-256 of the size, the first 64 KiB and 4 KiB at up to 1024 evenly spaced places: it costs milliseconds however
/// large the file, and tells another training run, another epoch, a truncated or a partly downloaded file, but not a
/// single flipped bit.
public enum FileDigest {
  /// - Parameters:
  ///   - progress: called with the bytes of every step.
  ///   - isCancelled: asked before every step.
  /// - Returns: nil if cancelled.
  /// - Throws: `CheckpointError.Code.cannotRead`.
  public static func sha256(
    _ path: String, progress: (Int) -> Void = { _ in }, isCancelled: () -> Bool = { false }
  ) throws -> String? {
    let file = try OpenedFile(path)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 4096)
    defer { buffer.deallocate() }
    var hash = SHA256()
    var offset = 0
    while !isCancelled() {
      let count = try file.read(into: buffer, at: offset)
      guard count > 0 else { return hexadecimal(hash.finalize()) }
      hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      offset += count
      progress(count)
    }
    return nil
  }

  /// - Throws: `CheckpointError.Code.cannotRead`.
  public static func sample(_ path: String) throws -> String {
    let (head, piece, places) = (1 << 16, 1 << 12, 1024)
    let file = try OpenedFile(path)
    let size = FileState(descriptor: file.descriptor).bytes
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: head, alignment: 4096)
    defer { buffer.deallocate() }
    var hash = SHA256()
    hash.update(data: Data("soup-sample 1 \(size)\n".utf8))
    func add(_ offset: Int, _ length: Int) throws {
      let count = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<length]), at: offset)
      hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
    try add(0, head)
    let step = max(1 << 20, size / places / piece * piece)
    for offset in stride(from: step, to: size, by: step) { try add(offset, piece) }
    if size > head { try add(max(head, size - piece), piece) }
    return hexadecimal(hash.finalize())
  }

  static func hexadecimal(_ digest: SHA256.Digest) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

private final class OpenedFile {
  let path: String
  let descriptor: Int32

  init(_ path: String) throws {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CheckpointError(.cannotRead, path, "cannot be opened: \(String(cString: strerror(errno)))")
    }
  }

  deinit { close(descriptor) }

  /// Reads until the buffer is full or the file ends.
  func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) throws -> Int {
    var done = 0
    while done < target.count, let base = target.baseAddress {
      let count = pread(descriptor, base + done, target.count - done, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw CheckpointError(.cannotRead, path, "cannot be read: \(String(cString: strerror(errno)))")
      }
      if count == 0 { break }
      done += count
    }
    return done
  }
}

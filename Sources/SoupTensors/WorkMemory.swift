#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Memory to work in: anonymous up to a limit, above it mapped from a temporary file that has no name, so that the system
/// can write it out instead of running short. Released with its last reference.
package final class WorkMemory {
  package let bytes: UnsafeMutableRawBufferPointer
  /// Whether a file backs it.
  package let isSpilled: Bool

  /// - Parameters:
  ///   - byteCount: size; at least a page is taken.
  ///   - limit: the largest size that is taken as anonymous memory.
  package init(byteCount: Int, limit: Int = .max) {
    let size = max(1, (byteCount + 4095) / 4096) * 4096
    if size > limit, let mapped = Self.file(size) {
      bytes = UnsafeMutableRawBufferPointer(start: mapped, count: size)
      isSpilled = true
    } else {
      bytes = .allocate(byteCount: size, alignment: 4096)
      isSpilled = false
    }
  }

  deinit {
    if isSpilled { munmap(bytes.baseAddress, bytes.count) } else { bytes.deallocate() }
  }

  /// A part as numbers.
  package func values<T>(_: T.Type, from offset: Int, count: Int) -> UnsafeMutableBufferPointer<T> {
    UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<offset + count * MemoryLayout<T>.stride])
      .bindMemory(to: T.self)
  }

  /// A mapped file without a name in `$TMPDIR`, else `/var/tmp`, which is on a disk where `/tmp` may be memory.
  private static func file(_ size: Int) -> UnsafeMutableRawPointer? {
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp"
    var name = Array((folder + "/soup-work-XXXXXX").utf8CString)
    let descriptor = mkstemp(&name)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    unlink(name)
    #if os(Linux)
      // A full disk is then found here and not by a signal.
      guard posix_fallocate(descriptor, 0, off_t(size)) == 0 else { return nil }
    #else
      guard ftruncate(descriptor, off_t(size)) == 0 else { return nil }
    #endif
    guard let address = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0), address != MAP_FAILED
    else { return nil }
    return address
  }
}

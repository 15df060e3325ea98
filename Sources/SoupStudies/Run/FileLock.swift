import Foundation

/// An exclusive lock on a file, which ends with the last process that has inherited it, however that ends.
final class FileLock {
  private let descriptor: Int32

  /// - Parameter inherited: whether programs started from here hold the lock too.
  /// - Returns: nil when another process holds it.
  init?(_ path: String, inherited: Bool) throws(StudyError) {
    descriptor = open(path, O_RDWR | O_CREAT | (inherited ? 0 : O_CLOEXEC), 0o666)
    guard descriptor >= 0 else { throw .writing(path) }
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      if errno == EINTR { continue }
      // Some network disks know no locks; there it is the study's coordinator alone that starts nothing twice.
      if errno == ENOLCK || errno == ENOTSUP || errno == ENOSYS { return }
      close(descriptor)
      return nil
    }
  }

  /// Replaces the file's text, for people who look who holds it.
  func note(_ text: String) {
    _ = ftruncate(descriptor, 0)
    let bytes = Array(text.utf8)
    _ = pwrite(descriptor, bytes, bytes.count, 0)
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Whether someone holds the lock; false when the file does not exist.
  static func isHeld(_ path: String) -> Bool {
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return false }
    return errno == EWOULDBLOCK
  }
}

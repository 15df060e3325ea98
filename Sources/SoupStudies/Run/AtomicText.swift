import Foundation

/// Text that appears under its name complete, or not at all, also on network disks.
enum AtomicText {
  static func write(_ text: String, to path: String) throws(StudyError) {
    let partial = path + ".\(getpid()).partial"
    let descriptor = open(partial, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .writing(path) }
    let bytes = Array(text.utf8)
    var done = 0
    while done < bytes.count {
      let count = bytes[done...].withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      done += count
    }
    let isWritten = done == bytes.count && fsync(descriptor) == 0
    close(descriptor)
    guard isWritten, rename(partial, path) == 0 else {
      let error = StudyError.writing(path)
      unlink(partial)
      throw error
    }
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What the file system says of a file without reading it; all zero if there is none.
struct FileState: Hashable, Sendable {
  let bytes: Int
  /// Time of the last change of the contents.
  let seconds: Int
  let nanoseconds: Int
  /// Time of the last change of contents, name or permissions, which programs cannot set back.
  let changeSeconds: Int
  let changeNanoseconds: Int
  let device: UInt64
  let node: UInt64

  init(_ path: String) {
    var information = stat()
    self.init(stat(path, &information) == 0 ? information : stat())
  }

  /// Of an open file.
  init(descriptor: Int32) {
    var information = stat()
    self.init(fstat(descriptor, &information) == 0 ? information : stat())
  }

  private init(_ information: stat) {
    #if canImport(Darwin)
      let (time, change) = (information.st_mtimespec, information.st_ctimespec)
    #else
      let (time, change) = (information.st_mtim, information.st_ctim)
    #endif
    bytes = Int(information.st_size)
    (seconds, nanoseconds) = (Int(time.tv_sec), Int(time.tv_nsec))
    (changeSeconds, changeNanoseconds) = (Int(change.tv_sec), Int(change.tv_nsec))
    device = UInt64(truncatingIfNeeded: information.st_dev)
    node = UInt64(information.st_ino)
  }

  /// Whether the last change is long enough ago that a later one would show in the times.
  var isSettled: Bool {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return max(seconds, changeSeconds) + 2 < Int(now.tv_sec)
  }
}

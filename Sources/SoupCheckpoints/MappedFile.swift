import SoupTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A file opened for reading: mapped whole, and readable by position.
///
/// Reading by position costs one copy but no page tables: over files in the page cache it is the faster of the two
/// (Guides/Mixing.md), and a file cut short meanwhile gives an error instead of a signal.
final class MappedFile: Sendable {
  let path: String
  let storage: HostStorage
  private let descriptor: Int32

  init(path: String) throws(CheckpointError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      let advice = errno == ENOENT ? "check the path" : errno == EMFILE ? "raise the limit with 'ulimit -n'" : ""
      throw CheckpointError(.cannotRead, path, "cannot be opened: \(systemError())", advice: advice)
    }
    do {
      storage = try Self.map(descriptor, path)
    } catch {
      close(descriptor)
      throw error
    }
    self.path = path
    self.descriptor = descriptor
  }

  /// A file that is in memory already.
  init(_ storage: HostStorage, name: String) {
    self.storage = storage
    path = name
    descriptor = -1
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  private static func map(_ descriptor: Int32, _ path: String) throws(CheckpointError) -> HostStorage {
    var information = stat()
    guard fstat(descriptor, &information) == 0 else {
      throw CheckpointError(.cannotRead, path, "cannot be examined: \(systemError())")
    }
    let kind = information.st_mode & S_IFMT
    guard kind == S_IFREG else {
      let what = kind == S_IFDIR ? "a folder" : "a pipe or a device"
      throw CheckpointError(.notSafetensors, path, "is \(what); a checkpoint is a file")
    }
    let size = Int(information.st_size)
    guard size > 0 else { throw CheckpointError(.truncated, path, "is empty", advice: "copy or download it again") }
    guard let address = mmap(nil, size, PROT_READ, MAP_SHARED, descriptor, 0), address != MAP_FAILED else {
      throw CheckpointError(.cannotRead, path, "cannot be mapped: \(systemError())")
    }
    nonisolated(unsafe) let mapping = address
    return HostStorage(bytes: UnsafeRawBufferPointer(start: address, count: size)) { munmap(mapping, size) }
  }

  /// Size of a file in bytes; nil for anything else than a regular file.
  static func regularSize(_ path: String) -> Int? {
    var information = stat()
    guard stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG else { return nil }
    return Int(information.st_size)
  }

  /// Has the system begin to read bytes that will be wanted soon. A hint: nothing is awaited, and failing costs nothing.
  func prefetch(_ offset: Int, byteCount: Int) {
    guard descriptor >= 0, byteCount > 0 else { return }
    #if os(Linux)
      // The kernel takes no more than a disk's largest transfer from one call.
      let step = 512 << 10
      for start in stride(from: offset, to: offset + byteCount, by: step) where !isCached(start) {
        posix_fadvise(
          descriptor, off_t(start), off_t(min(step, offset + byteCount - start)), Int32(POSIX_FADV_WILLNEED))
      }
    #elseif canImport(Darwin)
      var request = radvisory(ra_offset: off_t(offset), ra_count: Int32(clamping: byteCount))
      _ = fcntl(descriptor, F_RDADVISE, &request)
    #endif
  }

  #if os(Linux)
    /// Whether the page of a byte is in the page cache: asking costs far less than a hint that has nothing to do.
    private func isCached(_ offset: Int) -> Bool {
      guard offset < storage.bytes.count, let base = storage.bytes.baseAddress else { return true }
      var state: UInt8 = 0
      let page = UnsafeMutableRawPointer(mutating: base + offset / 4096 * 4096)
      return mincore(page, 1, &state) == 0 && state & 1 == 1
    }
  #endif

  /// Fills `target` from the bytes at `offset`.
  func read(into target: UnsafeMutableRawBufferPointer, at offset: Int) throws(CheckpointError) {
    if descriptor < 0 {
      guard offset >= 0, target.count <= storage.bytes.count - offset else {
        throw CheckpointError(.truncated, path, "ends before byte \(offset + target.count)")
      }
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: storage.bytes[offset..<offset + target.count]))
      return
    }
    var done = 0
    while done < target.count {
      let count = pread(descriptor, target.baseAddress! + done, target.count - done, off_t(offset + done))
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw CheckpointError(.cannotRead, path, "cannot be read: \(systemError())") }
      guard count > 0 else {
        throw CheckpointError(.truncated, path, "became shorter while it was read", advice: "keep inputs unchanged")
      }
      done += count
    }
  }
}

/// The last system call's error in words.
func systemError(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }

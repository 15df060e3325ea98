import CZlib
import SoupTensors
import Synchronization

/// A compressed part of a file, expanded when it is first asked for.
///
/// The expansion is kept while someone uses it, and for the last few parts that were asked for, so that reading a
/// tensor piece by piece expands it once. One above 1 MB lies in a temporary file without a name (`$TMPDIR`, else
/// `/var/tmp`), which the system writes out when memory is short.
final class DeflatedBytes: Sendable {
  let name: String
  /// Size of the expansion, as the archive declares it; an expansion of another size is refused.
  let count: Int
  private let path: String
  private let storage: HostStorage
  private let range: Range<Int>
  private let checksum: UInt32
  private let recent: RecentExpansions
  private let cached = Mutex<Weak>(Weak())

  private struct Weak {
    weak var storage: HostStorage?
  }

  /// - Parameters:
  ///   - range: the compressed bytes in `storage`.
  ///   - checksum: CRC-32 of the expansion.
  init(
    _ storage: HostStorage, range: Range<Int>, count: Int, checksum: UInt32, name: String, path: String,
    recent: RecentExpansions
  ) {
    self.storage = storage
    self.range = range
    self.count = count
    self.checksum = checksum
    self.name = name
    self.recent = recent
    self.path = path
  }

  /// All of the expansion.
  func inflated() throws(CheckpointError) -> HostStorage {
    // Held while expanding: a second thread waits for the first one's result instead of repeating its work.
    let result: Result<HostStorage, CheckpointError> = cached.withLock { cached in
      if let storage = cached.storage { return .success(storage) }
      do throws(CheckpointError) {
        let storage = try inflate()
        cached.storage = storage
        return .success(storage)
      } catch { return .failure(error) }
    }
    if case .success(let storage) = result { recent.keep(storage) }
    return try result.get()
  }

  /// The first bytes of the expansion, at most `limit`, without their checksum.
  func prefix(_ limit: Int) throws(CheckpointError) -> [UInt8] {
    let wanted = min(limit, count)
    var failure: CheckpointError?
    let result = [UInt8](unsafeUninitializedCapacity: wanted) { target, initialized in
      do throws(CheckpointError) {
        initialized = try expand(into: UnsafeMutableRawBufferPointer(target)).produced
      } catch { failure = error }
    }
    if let failure { throw failure }
    return result
  }

  private func inflate() throws(CheckpointError) -> HostStorage {
    let memory = WorkMemory(byteCount: count, limit: Self.largestInMemory)
    let target = UnsafeMutableRawBufferPointer(rebasing: memory.bytes[..<count])
    let (produced, ended) = try expand(into: target)
    guard ended, produced == count else {
      throw damaged("does not expand to the \(count) bytes that the archive declares")
    }
    guard czlib_crc32(0, target.baseAddress, count) == checksum else { throw damaged("fails its checksum") }
    nonisolated(unsafe) let owner = memory
    return HostStorage(bytes: UnsafeRawBufferPointer(target)) { withExtendedLifetime(owner) {} }
  }

  private static let largestInMemory = 1 << 20

  /// Expands as much as fits into `target`.
  private func expand(
    into target: UnsafeMutableRawBufferPointer
  ) throws(CheckpointError) -> (produced: Int, ended: Bool) {
    guard let inflater = czlib_open_raw() else { throw CheckpointError(.cannotRead, path, "no memory to expand it") }
    defer { czlib_close(inflater) }
    let source = storage.bytes[range]
    var consumed = 0
    var produced = 0
    // One byte of room past the end tells an expansion that is too long from one that just fits.
    var spare: UInt8 = 0
    while true {
      let before = (consumed, produced)
      let isFull = produced == target.count
      let status = withUnsafeMutablePointer(to: &spare) { spare in
        czlib_inflate(
          inflater, source.base.baseAddress! + source.startIndex + consumed, source.count - consumed, &consumed,
          isFull ? spare : target.baseAddress!.assumingMemoryBound(to: UInt8.self) + produced,
          isFull ? 1 : target.count - produced, &produced)
      }
      if produced > target.count { return (target.count, false) }
      switch status {
      case CZLIB_END: return (produced, consumed == source.count)
      case CZLIB_OK where (consumed, produced) != before: continue
      case CZLIB_NO_MEMORY: throw CheckpointError(.cannotRead, path, "no memory to expand it")
      default: throw damaged("is damaged: " + String(cString: czlib_message(inflater)))
      }
    }
  }

  private func damaged(_ what: String) -> CheckpointError {
    CheckpointError(.invalidArchive, path, "'\(name)' in it \(what)", advice: "copy or download it again")
  }
}

/// The last expansions of an archive, kept so that they are not made again for the next block of the same tensor.
final class RecentExpansions: Sendable {
  private let recent = Mutex<[HostStorage]>([])
  private static let limit = 4

  func keep(_ storage: HostStorage) {
    recent.withLock { recent in
      if let index = recent.firstIndex(where: { $0 === storage }) { recent.remove(at: index) }
      recent.append(storage)
      if recent.count > Self.limit { recent.removeFirst() }
    }
  }
}

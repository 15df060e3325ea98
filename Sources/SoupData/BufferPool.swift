import Foundation
import SoupTensors

/// Memory for batches, used again once a batch's tensors are gone: fresh pages from the system cost as much as the work.
final class BufferPool: @unchecked Sendable {
  private let byteCount: Int
  private let capacity: Int
  private let lock = NSLock()
  private var free: [UnsafeMutableRawBufferPointer] = []

  /// - Parameters:
  ///   - byteCount: size of each buffer.
  ///   - capacity: how many unused buffers are kept.
  init(byteCount: Int, capacity: Int) {
    self.byteCount = byteCount
    self.capacity = capacity
  }

  deinit { for buffer in free { buffer.deallocate() } }

  /// A storage of `byteCount` bytes, written once by `fill`; its memory comes back here when the last tensor lets go of it.
  func storage(fill: (UnsafeMutableRawBufferPointer) throws -> Void) throws -> HostStorage {
    let buffer = lock.withLock { free.popLast() } ?? .allocate(byteCount: byteCount, alignment: 64)
    do {
      try fill(buffer)
    } catch {
      giveBack(buffer)
      throw error
    }
    nonisolated(unsafe) let owned = buffer
    return HostStorage(bytes: UnsafeRawBufferPointer(buffer)) { self.giveBack(owned) }
  }

  private func giveBack(_ buffer: UnsafeMutableRawBufferPointer) {
    let isKept = lock.withLock {
      guard free.count < capacity else { return false }
      free.append(buffer)
      return true
    }
    if !isKept { buffer.deallocate() }
  }
}

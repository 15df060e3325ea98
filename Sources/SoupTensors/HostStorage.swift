import CKernels

/// Bytes that never change after construction: an allocation, a slice of a mapped file, or a borrowed buffer with its owner.
///
/// Immutability is what makes it `Sendable`; the pointer is released with the last reference.
public final class HostStorage: @unchecked Sendable {
  public let bytes: UnsafeRawBufferPointer
  private let release: @Sendable () -> Void

  /// Wraps memory owned elsewhere; `release` runs when the last reference goes away.
  public init(bytes: UnsafeRawBufferPointer, release: @escaping @Sendable () -> Void) {
    self.bytes = bytes
    self.release = release
  }

  /// Allocates `count` bytes, aligned for every vector instruction set, and lets `fill` write them once.
  public convenience init(count: Int, fill: (UnsafeMutableRawBufferPointer) throws -> Void) rethrows {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 64)
    do {
      try fill(UnsafeMutableRawBufferPointer(rebasing: memory[..<count]))
    } catch {
      memory.deallocate()
      throw error
    }
    nonisolated(unsafe) let owned = memory
    self.init(bytes: UnsafeRawBufferPointer(rebasing: memory[..<count])) { owned.deallocate() }
  }

  deinit { release() }
}

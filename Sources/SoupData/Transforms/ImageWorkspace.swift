import CImages
import Foundation

/// A thread's memory for decoding and transforming, reused from image to image.
public final class ImageWorkspace: @unchecked Sendable {
  var native = cimages_workspace()
  private var decoded = UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)
  private var framing = UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)
  private var file = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  public init() {}

  deinit {
    cimages_clear(&native)
    decoded.deallocate()
    framing.deallocate()
    file.deallocate()
  }

  /// Room for `count` bytes of decoded pixels; what was there is lost.
  func pixels(_ count: Int) -> UnsafeMutableBufferPointer<UInt8> {
    if decoded.count < count {
      decoded.deallocate()
      decoded = .allocate(capacity: count + count / 4)
    }
    return UnsafeMutableBufferPointer(rebasing: decoded[..<count])
  }

  /// Room for `count` bytes of a resized image that is still to be cut; what was there is lost.
  func framed(_ count: Int) -> UnsafeMutableBufferPointer<UInt8> {
    if framing.count < count {
      framing.deallocate()
      framing = .allocate(capacity: count + count / 4)
    }
    return UnsafeMutableBufferPointer(rebasing: framing[..<count])
  }

  /// Room for `count` bytes of an encoded file; what was there is lost.
  func encoded(_ count: Int) -> UnsafeMutableRawBufferPointer {
    if file.count < count {
      file.deallocate()
      file = .allocate(byteCount: count + count / 4, alignment: 64)
    }
    return UnsafeMutableRawBufferPointer(rebasing: file[..<count])
  }
}

/// Workspaces for whichever threads ask.
final class WorkspacePool: @unchecked Sendable {
  private let lock = NSLock()
  private var free: [ImageWorkspace] = []

  func with<R>(_ body: (ImageWorkspace) throws -> R) rethrows -> R {
    let workspace = lock.withLock { free.popLast() } ?? ImageWorkspace()
    defer { lock.withLock { free.append(workspace) } }
    return try body(workspace)
  }
}

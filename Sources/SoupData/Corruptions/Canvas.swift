/// The image that a corruption works on: three channels in memory that someone else owns.
package struct Canvas {
  package let pixels: UnsafeMutablePointer<UInt8>
  package let height: Int
  package let width: Int

  package init(pixels: UnsafeMutablePointer<UInt8>, height: Int, width: Int) {
    self.pixels = pixels
    self.height = height
    self.width = width
  }

  /// Number of pixels.
  package var area: Int { height * width }
  /// Number of bytes.
  package var byteCount: Int { 3 * area }
  package var bytes: UnsafeMutableBufferPointer<UInt8> { .init(start: pixels, count: byteCount) }

  /// A copy of the pixels, for what reads the original while it writes.
  package func copied() -> Workspace<UInt8> {
    let copy = Workspace<UInt8>(byteCount)
    copy.start.update(from: pixels, count: byteCount)
    return copy
  }
}

/// Memory for the time of one call, not initialised.
package final class Workspace<Element: BitwiseCopyable> {
  package let start: UnsafeMutablePointer<Element>
  package let count: Int

  package init(_ count: Int) {
    self.count = count
    // Rounded up, as vector loops are fastest on whole cache lines.
    let raw = UnsafeMutableRawPointer.allocate(
      byteCount: max(64, count * MemoryLayout<Element>.stride), alignment: 64)
    start = raw.bindMemory(to: Element.self, capacity: count)
  }

  deinit { UnsafeMutableRawPointer(start).deallocate() }

  package var buffer: UnsafeMutableBufferPointer<Element> { .init(start: start, count: count) }
}

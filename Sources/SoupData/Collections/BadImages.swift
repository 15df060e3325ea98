import Foundation

/// What happens when an image cannot be decoded.
public enum BadImagePolicy: String, Codable, Sendable, Hashable, CaseIterable {
  /// The image's batch throws, naming it.
  case error
  /// Every image is decoded once when the set is opened; those that cannot be are left out, counted and named.
  case skip
}

/// An image that cannot be used, and why.
public struct BadImage: Sendable, Hashable {
  /// Position in the set before any image was left out.
  public let index: Int
  public let source: String
  public let problem: DataError
}

/// Every image of a set, decoded once.
public struct ImageCheck: Sendable {
  /// In the set's order.
  public private(set) var bad: [BadImage] = []
  /// Images with damage that the decoder repaired by guessing, in the set's order.
  public private(set) var repaired: [Int] = []

  /// - Parameters:
  ///   - threads: how many decode at once.
  ///   - progress: called now and then with the number of images done, from any of the threads; false ends the check.
  /// - Throws: what reading throws besides `DataError`.
  public init(
    _ images: some EncodedImages, codec: ImageCodec = ImageCodec(), threads: Int,
    progress: @escaping @Sendable (Int) -> Bool = { _ in true }
  ) throws {
    let state = CheckState()
    let count = images.count
    DispatchQueue.concurrentPerform(iterations: max(1, threads)) { _ in
      let workspace = ImageWorkspace()
      while let range = state.claim(16, of: count) {
        for index in range {
          do {
            let warnings = try images.withBytes(at: index, workspace) { bytes in
              let header = try codec.header(of: bytes, name: images.source(at: index))
              return try codec.decode(
                bytes, region: .init(left: 0, top: 0, width: header.width, height: header.height),
                into: workspace.pixels(header.width * header.height * 3), name: images.source(at: index))
            }
            if warnings > 0 { state.repaired(index) }
          } catch let error as DataError {
            state.bad(BadImage(index: index, source: images.source(at: index), problem: error))
          } catch {
            state.failed(error)
          }
        }
        if !progress(state.finished(range.count)) { state.stop() }
      }
    }
    if let error = state.error { throw error }
    bad = state.bad.sorted { $0.index < $1.index }
    repaired = state.repaired.sorted()
  }
}

private final class CheckState: @unchecked Sendable {
  private let lock = NSLock()
  private var next = 0
  private var done = 0
  private(set) var bad: [BadImage] = []
  private(set) var repaired: [Int] = []
  private(set) var error: (any Error)?

  func claim(_ size: Int, of count: Int) -> Range<Int>? {
    lock.withLock {
      guard next < count else { return nil }
      defer { next = min(count, next + size) }
      return next..<min(count, next + size)
    }
  }

  func finished(_ count: Int) -> Int {
    lock.withLock {
      done += count
      return done
    }
  }

  func stop() { lock.withLock { next = .max } }
  func bad(_ image: BadImage) { lock.withLock { bad.append(image) } }
  func repaired(_ index: Int) { lock.withLock { repaired.append(index) } }
  func failed(_ failure: any Error) {
    lock.withLock {
      if error == nil { error = failure }
      next = .max
    }
  }
}

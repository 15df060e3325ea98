import Foundation

/// The batches of one epoch, in order: `while let batch = try batches.next() { … }`.
///
/// Background threads stay at most `prefetch` batches ahead. They end when the last batch is made, at an error, or when this
/// object goes away, whichever comes first; leaving a loop early needs no clean-up. `next()` may be called from one thread
/// at a time.
public final class BatchSequence {
  private let work: BatchWork
  private var position: Int

  init(
    range: Range<Int>, threads: Int, prefetch: Int, prepare: @escaping @Sendable (Int, Scratch) throws -> Batch
  ) {
    position = range.lowerBound
    work = BatchWork(range: range, prefetch: prefetch, isThreaded: threads > 0, prepare: prepare)
    for number in 0..<min(threads, range.count) {
      // The thread holds the work, not this object, so that dropping this object can end it.
      let thread = Thread { [work] in work.run() }
      thread.name = "batches \(number)"
      thread.start()
    }
  }

  deinit { work.cancel() }

  /// How well the threads and the consumer keep up with each other, so far.
  public var statistics: PipelineStatistics { work.currentStatistics }

  /// The next batch, waiting for it if need be; nil after the last.
  /// - Throws: what the data set throws for this batch; afterwards the same error again.
  public func next() throws -> Batch? {
    guard let batch = try work.take(position) else { return nil }
    position += 1
    return batch
  }
}

/// What the consumer and the threads share: which batch is next to be made, and which are made and wait.
private final class BatchWork: @unchecked Sendable {
  private let end: Int
  private let prefetch: Int
  private let isThreaded: Bool
  private let prepare: @Sendable (Int, Scratch) throws -> Batch
  private let ownScratch = Scratch()

  /// Guards everything below, and is signalled at each change.
  private let condition = NSCondition()
  private var nextToMake: Int
  private var taken: Int
  private var made: [Int: Result<Batch, any Error>] = [:]
  private var isCancelled = false
  private var statistics = PipelineStatistics()

  var currentStatistics: PipelineStatistics { condition.withLock { statistics } }

  init(
    range: Range<Int>, prefetch: Int, isThreaded: Bool, prepare: @escaping @Sendable (Int, Scratch) throws -> Batch
  ) {
    end = range.upperBound
    nextToMake = range.lowerBound
    taken = range.lowerBound
    self.prefetch = prefetch
    self.isThreaded = isThreaded
    self.prepare = prepare
  }

  func cancel() {
    condition.withLock {
      isCancelled = true
      made = [:]
      condition.broadcast()
    }
  }

  /// A thread's life: make the next unmade batch, as long as there is one and room for it.
  func run() {
    let scratch = Scratch()
    while let index = claim() {
      let start = DispatchTime.now()
      let result = Result { try prepare(index, scratch) }
      condition.withLock {
        statistics.preparing += Self.seconds(since: start)
        if !isCancelled { made[index] = result }
        // No batch after a failed one is wanted.
        if case .failure = result { nextToMake = end }
        condition.broadcast()
      }
    }
  }

  private static func seconds(since start: DispatchTime) -> Double {
    Double(DispatchTime.now().uptimeNanoseconds - start.uptimeNanoseconds) * 1e-9
  }

  private func claim() -> Int? {
    condition.withLock {
      let start = DispatchTime.now()
      var hasWaited = false
      while !isCancelled, nextToMake < end, nextToMake >= taken + prefetch {
        hasWaited = true
        condition.wait()
      }
      if hasWaited { statistics.heldBack += Self.seconds(since: start) }
      guard !isCancelled, nextToMake < end else { return nil }
      defer { nextToMake += 1 }
      return nextToMake
    }
  }

  func take(_ index: Int) throws -> Batch? {
    guard index < end else { return nil }
    guard isThreaded else { return try prepare(index, ownScratch) }
    return try condition.withLock {
      let start = DispatchTime.now()
      statistics.batches += 1
      if made[index] == nil {
        statistics.waits += 1
        while made[index] == nil { condition.wait() }
        statistics.waiting += Self.seconds(since: start)
      }
      statistics.mostReady = max(statistics.mostReady, made.count)
      // A failure stays, for whoever asks again.
      let batch = try made[index]!.get()
      made[index] = nil
      taken = index + 1
      condition.broadcast()
      return batch
    }
  }
}

/// A thread's own memory, reused from image to image.
final class Scratch {
  private var pixelBuffer = UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)
  private var columnBuffer = UnsafeMutableBufferPointer<Int>(start: nil, count: 0)

  deinit {
    pixelBuffer.deallocate()
    columnBuffer.deallocate()
  }

  func pixels(_ count: Int) -> UnsafeMutableBufferPointer<UInt8> {
    if pixelBuffer.count != count {
      pixelBuffer.deallocate()
      pixelBuffer = .allocate(capacity: count)
      pixelBuffer.initialize(repeating: 0)
    }
    return pixelBuffer
  }

  func columns(_ count: Int) -> UnsafeMutableBufferPointer<Int> {
    if columnBuffer.count != count {
      columnBuffer.deallocate()
      columnBuffer = .allocate(capacity: count)
      columnBuffer.initialize(repeating: 0)
    }
    return columnBuffer
  }
}

/// Who waits for whom in a pipeline: a consumer that waits lacks loader threads; threads that are held back are too many.
public struct PipelineStatistics: Sendable, Hashable {
  /// Batches taken.
  public var batches = 0
  /// Batches that were not ready when they were asked for.
  public var waits = 0
  /// Seconds that the consumer waited.
  public var waiting = 0.0
  /// Seconds of all threads' work.
  public var preparing = 0.0
  /// Seconds that threads were held back because `prefetch` batches were waiting: backpressure.
  public var heldBack = 0.0
  /// Most batches that waited at once; never more than `prefetch`.
  public var mostReady = 0

  public init() {}
}

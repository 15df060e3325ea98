import CKernels

/// Nearswap: `θ = a + g (b − a)` with `g = min(1, t / |a − b|)`: b where it is within t of a, elsewhere a moved by t
/// towards b.
///
/// - Source: alchemonaut, *QuartetAnemoi-70B* (the method's first use); conventions as in mergekit 0.1.5.
public struct NearSwap: BlockMethod {
  public let base: Int
  public let other: Int
  public let t: Double
  public var primaryIngredient: Int { base }

  /// - Throws: `MixError.Code.invalidRecipe` if t is negative or not finite.
  public init(base: Int, other: Int, t: Double) throws(MixError) {
    guard t.isFinite, t >= 0 else { throw MixError(.invalidRecipe, "t is \(t); it must be 0 or more") }
    self.base = base
    self.other = other
    self.t = t
  }

  public func merge(_ block: MergeBlock) throws {
    let vectors = block.vectors(2)
    try block.forEachChunk { chunk in
      try block.load(base, chunk, into: vectors[0])
      try block.load(other, chunk, into: vectors[1])
      ck_near_swap(block.level, vectors[0], vectors[1], t, chunk.count)
      block.store(vectors[0], chunk)
    }
  }
}

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Many points as the cells of a grid: how many are in each, where on average, and what a third quantity is there.
///
/// Cells are equally wide on symmetric-logarithmic axes: `sign(v) · ln(1 + |v| / c)`; c = nil leaves an axis linear.
public struct DensityGrid: Sendable {
  public struct Cell: Sendable, Hashable {
    public var left: Double
    public var right: Double
    public var bottom: Double
    public var top: Double
    public var count: Int
    /// Means of the points in the cell.
    public var x: Double
    public var y: Double
    public var shade: Double?
  }

  public let cells: [Cell]
  public let count: Int

  /// - Parameters:
  ///   - shades: empty, or one for each point.
  ///   - scale: c of x and of y.
  public init(
    _ x: [Double], _ y: [Double], shades: [Double?] = [], columns: Int, rows: Int, scale: (x: Double?, y: Double?)
  ) {
    count = x.count
    guard let first = x.first, x.count == y.count else {
      cells = []
      return
    }
    let (fx, fy) = (x.map { Self.forward($0, scale.x) }, y.map { Self.forward($0, scale.y) })
    let (lowX, highX) = fx.reduce((Self.forward(first, scale.x), -Double.infinity)) { (min($0.0, $1), max($0.1, $1)) }
    let (lowY, highY) = fy.reduce((fy[0], -Double.infinity)) { (min($0.0, $1), max($0.1, $1)) }
    let (stepX, stepY) = (max(highX - lowX, 1e-12) / Double(columns), max(highY - lowY, 1e-12) / Double(rows))
    struct Sum { var (count, x, y, shade, shades) = (0, 0.0, 0.0, 0.0, 0) }
    var sums: [Int: Sum] = [:]
    for index in x.indices {
      let column = min(Int((fx[index] - lowX) / stepX), columns - 1)
      let row = min(Int((fy[index] - lowY) / stepY), rows - 1)
      var sum = sums[row * columns + column] ?? Sum()
      sum.count += 1
      sum.x += x[index]
      sum.y += y[index]
      if let shade = shades.isEmpty ? nil : shades[index] {
        sum.shade += shade
        sum.shades += 1
      }
      sums[row * columns + column] = sum
    }
    cells = sums.sorted { $0.key < $1.key }.map { place, sum in
      let (column, row) = (Double(place % columns), Double(place / columns))
      let n = Double(sum.count)
      return Cell(
        left: Self.backward(lowX + column * stepX, scale.x), right: Self.backward(lowX + (column + 1) * stepX, scale.x),
        bottom: Self.backward(lowY + row * stepY, scale.y), top: Self.backward(lowY + (row + 1) * stepY, scale.y),
        count: sum.count, x: sum.x / n, y: sum.y / n, shade: sum.shades > 0 ? sum.shade / Double(sum.shades) : nil)
    }
  }

  private static func forward(_ value: Double, _ scale: Double?) -> Double {
    guard let scale else { return value }
    return value < 0 ? -log1p(-value / scale) : log1p(value / scale)
  }

  private static func backward(_ value: Double, _ scale: Double?) -> Double {
    guard let scale else { return value }
    return value < 0 ? -expm1(-value) * scale : expm1(value) * scale
  }
}

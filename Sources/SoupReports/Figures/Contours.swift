/// Lines of equal value on a grid, by marching squares with linear interpolation.
enum Contours {
  struct Segment: Hashable {
    let level: Double
    let from: Point
    let to: Point
  }

  struct Point: Hashable {
    let x: Double
    let y: Double
    init(_ x: Double, _ y: Double) { (self.x, self.y) = (x, y) }
  }

  /// Six levels at equal shares of the values, so that a steep rim does not take all of them.
  static func levels(_ values: [Double]) -> [Double] {
    let sorted = values.sorted()
    guard sorted.count > 8, sorted.first! < sorted.last! else { return [] }
    // Between two values: a line through grid points would have pieces without length.
    let levels = (1...6).map { index in
      let place = index * (sorted.count - 1) / 7
      return (sorted[place] + sorted[place + 1]) / 2
    }
    return Set(levels.filter { !sorted.contains($0) }).sorted()
  }

  /// - Parameters:
  ///   - grid: `[y][x]`; cells with a missing corner are left out.
  static func segments(_ xs: [Double], _ ys: [Double], _ grid: [[Double?]], levels: [Double]) -> [Segment] {
    var segments: [Segment] = []
    for row in 0..<max(0, ys.count - 1) {
      for column in 0..<max(0, xs.count - 1) {
        guard let a = grid[row][column], let b = grid[row][column + 1], let c = grid[row + 1][column + 1],
          let d = grid[row + 1][column]
        else { continue }
        let corners = [
          (Point(xs[column], ys[row]), a), (Point(xs[column + 1], ys[row]), b),
          (Point(xs[column + 1], ys[row + 1]), c), (Point(xs[column], ys[row + 1]), d),
        ]
        for level in levels { segments += crossing(corners, level) }
      }
    }
    return segments
  }

  private static func crossing(_ corners: [(Point, Double)], _ level: Double) -> [Segment] {
    var points: [Point] = []
    for index in 0..<4 {
      let ((p, a), (q, b)) = (corners[index], corners[(index + 1) % 4])
      guard (a < level) != (b < level) else { continue }
      let share = (level - a) / (b - a)
      points.append(Point(p.x + share * (q.x - p.x), p.y + share * (q.y - p.y)))
    }
    switch points.count {
    case 2: return [Segment(level: level, from: points[0], to: points[1])]
    case 4:
      // A saddle: the mean of the corners says which pairs belong together.
      let centre = corners.reduce(0) { $0 + $1.1 } / 4
      let joined = (centre < level) == (corners[0].1 < level)
      return joined
        ? [
          Segment(level: level, from: points[0], to: points[1]), Segment(level: level, from: points[2], to: points[3]),
        ]
        : [
          Segment(level: level, from: points[3], to: points[0]), Segment(level: level, from: points[1], to: points[2]),
        ]
    default: return []
    }
  }
}

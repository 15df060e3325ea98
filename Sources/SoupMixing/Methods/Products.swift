/// All dot products of a few vectors: what a method needs to know about directions and lengths.
public struct Products: Sendable, Equatable {
  /// Number of vectors.
  public let count: Int
  private let values: [Double]

  /// How many different products `count` vectors have.
  static func number(of count: Int) -> Int { count * (count + 1) / 2 }

  /// - Parameter values: the products (i, j), i ≤ j, in rows.
  init(count: Int, values: some Sequence<Double>) {
    self.count = count
    self.values = Array(values)
  }

  /// `vᵢ · vⱼ`
  public subscript(i: Int, j: Int) -> Double {
    let (a, b) = (min(i, j), max(i, j))
    return values[a * count - a * (a - 1) / 2 + b - a]
  }

  /// `‖vᵢ‖`
  public func norm(_ i: Int) -> Double { self[i, i].squareRoot() }

  /// `(Σᵢ aᵢ vᵢ) · (Σⱼ bⱼ vⱼ)`
  public func product(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for i in 0..<count where a[i] != 0 { for j in 0..<count where b[j] != 0 { sum += a[i] * b[j] * self[i, j] } }
    return sum
  }

  /// `‖Σᵢ aᵢ vᵢ‖`
  public func norm(_ a: [Double]) -> Double { max(0, product(a, a)).squareRoot() }
}

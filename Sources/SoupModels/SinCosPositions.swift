import Foundation
import SoupTensors

/// The fixed two-dimensional position table of MAE, `[1, 1 + grid², D]`: zeros for CLS, then row by row for each patch the
/// sines and cosines of its column, followed by those of its row, at D/4 frequencies `10000^(-k/(D/4))`.
/// - Parameter dimension: D, a multiple of 4
/// - Source: He et al., 2021, arXiv:2111.06377.
func sinCosPositions(dimension: Int, grid: Int) throws -> HostTensor {
  let quarter = dimension / 4
  let frequencies = (0..<quarter).map { pow(10000, -Double($0) / Double(quarter)) }
  let lines = (0..<grid).map { position in
    frequencies.map { Float(sin(Double(position) * $0)) } + frequencies.map { Float(cos(Double(position) * $0)) }
  }
  var values = [Float](repeating: 0, count: dimension)
  for row in 0..<grid {
    for column in 0..<grid { values += lines[column] + lines[row] }
  }
  return try HostTensor(floats: values, shape: [1, 1 + grid * grid, dimension])
}

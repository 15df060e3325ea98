import CTorch
import SoupTensors

extension DType {
  /// The code that `CTorch` uses for this dtype.
  var torchCode: ct_dtype {
    switch self {
    case .float64: CT_F64
    case .float32: CT_F32
    case .float16: CT_F16
    case .bfloat16: CT_BF16
    case .float8E4M3: CT_F8_E4M3
    case .float8E5M2: CT_F8_E5M2
    case .int64: CT_I64
    case .int32: CT_I32
    case .int16: CT_I16
    case .int8: CT_I8
    case .uint8: CT_U8
    case .bool: CT_BOOL
    }
  }

  init?(_ code: ct_dtype) {
    guard let found = Self.allCases.first(where: { $0.torchCode == code }) else { return nil }
    self = found
  }
}

/// The element type of a stored tensor, named as safetensors names it.
public enum DType: String, Codable, Sendable, CaseIterable, Hashable {
  case float64 = "F64"
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  /// 8-bit float, 4 exponent and 3 mantissa bits, finite only (`torch.float8_e4m3fn`).
  case float8E4M3 = "F8_E4M3"
  /// 8-bit float, 5 exponent and 2 mantissa bits (`torch.float8_e5m2`).
  case float8E5M2 = "F8_E5M2"
  case int64 = "I64"
  case int32 = "I32"
  case int16 = "I16"
  case int8 = "I8"
  case uint8 = "U8"
  case bool = "BOOL"

  /// Size of one element in bytes.
  public var size: Int {
    switch self {
    case .float64, .int64: 8
    case .float32, .int32: 4
    case .float16, .bfloat16, .int16: 2
    case .float8E4M3, .float8E5M2, .int8, .uint8, .bool: 1
    }
  }

  public var isFloatingPoint: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16, .float8E4M3, .float8E5M2: true
    case .int64, .int32, .int16, .int8, .uint8, .bool: false
    }
  }

  /// The name PyTorch and people use: `float32`, `bfloat16`, `int64`, …
  public var name: String {
    switch self {
    case .float64: "float64"
    case .float32: "float32"
    case .float16: "float16"
    case .bfloat16: "bfloat16"
    case .float8E4M3: "float8_e4m3fn"
    case .float8E5M2: "float8_e5m2"
    case .int64: "int64"
    case .int32: "int32"
    case .int16: "int16"
    case .int8: "int8"
    case .uint8: "uint8"
    case .bool: "bool"
    }
  }

  /// Finds a dtype by any spelling in use: `float32`, `torch.float32`, `F32`, `fp32`, `bf16`, `half`, …
  public init?(parsing text: String) {
    let word = text.lowercased().replacing("torch.", with: "")
    let aliases: [String: DType] = [
      "fp64": .float64, "double": .float64, "fp32": .float32, "float": .float32, "fp16": .float16, "half": .float16,
      "float8_e4m3": .float8E4M3, "float8_e5m2": .float8E5M2, "long": .int64, "int": .int32, "short": .int16,
    ]
    guard
      let found = Self.allCases.first(where: { $0.name == word || $0.rawValue.lowercased() == word }) ?? aliases[word]
    else { return nil }
    self = found
  }
}

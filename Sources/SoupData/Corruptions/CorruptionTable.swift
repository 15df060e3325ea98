/// Which published parameters a corruption uses. A corruption is as strong as it looks on images of one size: a blur of ten
/// pixels is mild at 224 and fatal at 32, so the benchmarks have a table each.
public enum CorruptionTable: String, Codable, Sendable, Hashable, CaseIterable {
  /// By the shorter side: up to 48 pixels those of CIFAR-C, up to 128 those of Tiny-ImageNet-C, else those of ImageNet-C.
  case automatic
  /// ImageNet-C.
  case pixels224 = "224"
  /// Tiny-ImageNet-C.
  case pixels64 = "64"
  /// CIFAR-10-C and CIFAR-100-C.
  case pixels32 = "32"

  /// The table for images of this size, never `.automatic`.
  public func resolved(height: Int, width: Int) -> CorruptionTable {
    guard self == .automatic else { return self }
    switch min(height, width) {
    case ...48: return .pixels32
    case ...128: return .pixels64
    default: return .pixels224
    }
  }

  /// One of three rows of parameters, by severity.
  func pick<Parameters>(
    _ severity: Int, _ large: [Parameters], _ middle: [Parameters], _ small: [Parameters]
  ) -> Parameters {
    switch self {
    case .pixels64: middle[severity - 1]
    case .pixels32: small[severity - 1]
    case .automatic, .pixels224: large[severity - 1]
    }
  }
}

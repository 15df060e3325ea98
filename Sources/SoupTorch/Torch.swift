import CTorch

/// Facts and settings of the LibTorch in this process.
public enum Torch {
  /// The version of LibTorch, such as `2.13.0`.
  public static var version: String { String(cString: ct_version()) }

  /// Number of threads that one operation uses. The same seed gives the same bytes only for the same number.
  public static var threadCount: Int { Int(ct_thread_count()) }

  /// Sets the number of threads that one operation uses; at least 1.
  public static func setThreadCount(_ count: Int) throws {
    try check { ct_set_thread_count(Int32(clamping: max(count, 1)), $0) }
  }

  /// Whether this processor multiplies bfloat16 in hardware (AVX-512 BF16 or AMX); without, bfloat16 is slower than float32.
  public static var supportsFastBFloat16: Bool { ct_cpu_features() & 0b110 != 0 }

  /// Who multiplies the float32 matrices of linear layers on the CPU.
  public enum LinearBackend: Int32, Sendable, CaseIterable {
    /// LibTorch's own choice, Intel's MKL on x86.
    case libtorch = 0
    /// oneDNN, forward and backward.
    case oneDNN = 1
    /// oneDNN on x86 processors with AVX-512 that are not Intel's, where MKL is slow; otherwise LibTorch's choice.
    case automatic = 2
  }

  /// Runs `body` with the float32 matrices of linear layers multiplied by that library; `automatic` elsewhere. Results differ
  /// by rounding. Run `backward` inside as well, where it is to use the same.
  public static func withLinearBackend<R>(_ backend: LinearBackend, _ body: () throws -> R) rethrows -> R {
    let before = ct_linear_backend()
    ct_set_linear_backend(backend.rawValue)
    defer { ct_set_linear_backend(before) }
    return try body()
  }
}

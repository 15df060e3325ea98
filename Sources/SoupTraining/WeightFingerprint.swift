import SoupTensors

/// Tells whether two sets of weights are the same: 64 bits of names, dtypes, shapes and bytes, whatever their order.
///
/// A mixing hash for recognising files, not a cryptographic one.
public struct WeightFingerprint: Sendable, Hashable, CustomStringConvertible {
  public let value: UInt64

  public init(_ weights: StateDict) {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for name in weights.names.sorted() {
      guard let tensor = weights[name] else { continue }
      for byte in "\(name) \(tensor.dtype.rawValue) \(tensor.shape)\n".utf8 { hash = Self.mix(hash, UInt64(byte)) }
      tensor.withUnsafeBytes { bytes in
        let whole = bytes.count & ~7
        for offset in stride(from: 0, to: whole, by: 8) {
          hash = Self.mix(hash, UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
        }
        for byte in bytes[whole...] { hash = Self.mix(hash, UInt64(byte)) }
      }
    }
    value = hash
  }

  /// Sixteen hexadecimal digits.
  public var description: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  // FNV-1a by words, with the high bits folded back so that every bit of a word reaches every bit of the hash.
  private static func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
    let product = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
    return product ^ (product >> 32)
  }
}

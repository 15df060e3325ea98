import CTorch

/// Where tensors live and are computed: `cpu`, `cuda:0`, `mps`, …
public struct Device: Sendable, Hashable, CustomStringConvertible {
  public static let cpu = Device(type: 0, index: -1, name: "cpu")

  /// The name as PyTorch writes it.
  public let name: String
  let type: Int8
  let index: Int8

  /// The device of that name.
  /// - Throws: `TorchError` if the name is unknown, or if this build of LibTorch or this machine has no such device.
  public init(_ name: String) throws {
    var found = ct_device()
    do {
      try check { error in name.withCString { ct_device_parse($0, &found, error) } }
    } catch {
      throw TorchError(
        code: .unsupported,
        message: "the device '\(name)' cannot be used here; 'cpu' always can. \(error.message)")
    }
    self.init(
      type: found.type, index: found.index, name: found.index < 0 ? name : name.prefix { $0 != ":" } + ":\(found.index)"
    )
  }

  private init(type: Int8, index: Int8, name: String) {
    self.type = type
    self.index = index
    self.name = name
  }

  public var description: String { name }
  public var isCPU: Bool { type == 0 }

  var code: ct_device { ct_device(type: type, index: index) }

  init(_ code: ct_device) {
    let names: [Int8: String] = [0: "cpu", 1: "cuda", 13: "mps", 12: "xpu"]
    let name = names[code.type] ?? "device\(code.type)"
    self.init(type: code.type, index: code.index, name: code.index < 0 ? name : "\(name):\(code.index)")
  }
}

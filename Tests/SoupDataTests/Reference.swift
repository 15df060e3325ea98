import Foundation

/// What `Tools/reference_data.py` wrote.
struct Reference: Decodable {
  struct Mixed: Decodable {
    let lambda: Double
    let images: [UInt32]
    let labels: [Int64]
    let mixed: [UInt32]
    let targets: [UInt32]
  }
  /// Bit patterns of the 256 values of each channel.
  let normalized: [String: [UInt32]]
  let mixup: [Mixed]
  /// Of `Split(count: 1000, heldOutCount: 20, seed: 42)`.
  let heldOut: [Int]
  /// Epoch 3 of 40 images shuffled with seed 2⁶³ + 7.
  let order: [Int]
  /// 8 × 8 bytes, and the same padded by two on every side.
  let image: [UInt8]
  let padded: [String: [UInt8]]

  static let folder = FashionMNISTTests.root + "/Tests/Fixtures/data"

  static func load() throws -> Reference {
    try JSONDecoder().decode(Reference.self, from: bytes("reference.json"))
  }

  static func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: folder + "/" + name)) }
}

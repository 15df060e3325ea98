import Foundation
import SoupCheckpoints
import SoupData
import SoupTorch

/// Where a search by gradients stands, a learned or a self-seasoned soup: everything that decides its next steps, as one JSON file. The order of the images needs no
/// state; it is a function of seed, epoch and step.
struct LearnedState: Codable {
  /// What must be equal for a search to be continued, by name.
  var identity: [String: String]
  var coefficients: MixtureCoefficients
  var step = 0
  var epochs: [LearnedResult.Epoch] = []
  /// The coefficients after the epoch of the lowest mean loss, and which it was.
  private(set) var best: MixtureCoefficients?
  private(set) var bestEpoch = 0
  private var lossSum = 0.0
  private var right = 0
  private var images = 0

  init(identity: [String: String], coefficients: MixtureCoefficients) {
    self.identity = identity
    self.coefficients = coefficients
  }

  /// Settings, images and the files of the ingredients, by size and time of change.
  static func identity(_ soup: some Encodable, paths: [String], data: any ImageDataset) throws -> [String: String] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    var identity = [
      "settings": String(decoding: try encoder.encode(soup), as: UTF8.self),
      "images": "\(data.count) of \(data.name)", "threads": "\(Torch.threadCount)",
    ]
    for (index, path) in paths.enumerated() {
      let attributes = try? FileManager.default.attributesOfItem(atPath: path)
      let time = (attributes?[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
      identity["ingredient \(index + 1)"] = "\(path), \(attributes?[.size] ?? 0) bytes, changed \(time)"
    }
    return identity
  }

  /// One line for each difference.
  func differences(from saved: LearnedState) -> String {
    Set(identity.keys).union(saved.identity.keys).sorted().compactMap { key in
      let (old, new) = (saved.identity[key] ?? "none", identity[key] ?? "none")
      return old == new ? nil : "  \(key): \(old) → \(new)"
    }.joined(separator: "\n")
  }

  mutating func add(loss: Double, right found: Int, images count: Int, endsEpoch: Bool) {
    step += 1
    lossSum += loss * Double(count)
    right += found
    images += count
    if endsEpoch {
      let epoch = LearnedResult.Epoch(loss: lossSum / Double(images), top1: Double(right) / Double(images))
      if epoch.loss < epochs.map(\.loss).min() ?? .infinity { (best, bestEpoch) = (coefficients, epochs.count) }
      epochs.append(epoch)
      (lossSum, right, images) = (0, 0, 0)
    }
  }

  /// The state that was saved at a path, or this one where there is none.
  /// - Throws: `SeasoningError.Code.badState` if it is of another search.
  func continued(from path: String?) throws -> LearnedState {
    guard let path, let saved = try LearnedState(contentsOf: path) else { return self }
    guard saved.identity == identity else {
      throw SeasoningError(
        .badState,
        "'\(path)' is of a search with other settings, data or ingredients; remove it to start over:\n"
          + differences(from: saved))
    }
    return saved
  }

  /// Writes the state in place of the one before; a crash leaves one of the two whole.
  func write(to path: String) throws {
    let data = try JSONEncoder().encode(self)
    let file = try AtomicFile(path: path, size: data.count)
    try data.withUnsafeBytes { try file.write($0, at: 0) }
    try file.commit()
  }

  /// Reads a state; nil if there is none.
  init?(contentsOf path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    do {
      self = try JSONDecoder().decode(Self.self, from: data)
    } catch {
      throw SeasoningError(.badState, "'\(path)' is not the state of a search; remove it to start over")
    }
  }
}

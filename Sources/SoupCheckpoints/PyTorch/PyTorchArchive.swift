import SoupTensors

/// A file of `torch.save`, PyTorch 1.6 and later: a zip archive of one folder with `data.pkl`, the pickle, and
/// `data/<key>`, the storages, stored without compression and used where they are.
struct PyTorchArchive {
  /// Pickles of the largest models have some 10 MB.
  static let maximumPickleSize = 256 << 20
  /// An entry of ours for the string pairs that a state dict carries; PyTorch passes over it.
  static let metadataName = "soup.json"

  private let archive: ZipArchive
  private let prefix: String
  private let records: [String: ZipArchive.Entry]
  private let isBigEndian: Bool

  init(_ archive: ZipArchive) throws(CheckpointError) {
    self.archive = archive
    let path = archive.path
    let pickles = archive.entries.map(\.name).filter { name in
      name == "data.pkl" || (name.hasSuffix("/data.pkl") && name.split(separator: "/").count == 2)
    }
    guard let pickle = pickles.first else {
      throw CheckpointError(
        .unsupported, path, "is a zip archive without 'data.pkl' or '*.npy': neither PyTorch's nor NumPy's")
    }
    guard pickles.count == 1 else {
      throw CheckpointError(.invalidArchive, path, "holds \(pickles.count) pickles: \(pickles.joined(separator: ", "))")
    }
    let prefix = String(pickle.dropLast("data.pkl".count))
    self.prefix = prefix
    if archive.entries.contains(where: { $0.name == prefix + "constants.pkl" }) {
      throw CheckpointError(
        .unsupported, path, "is a TorchScript program, not a checkpoint",
        advice: "in Python: torch.save(torch.jit.load(file).state_dict(), output)")
    }
    records = Dictionary(
      archive.entries.filter { $0.name.hasPrefix(prefix) }.map { (String($0.name.dropFirst(prefix.count)), $0) },
      uniquingKeysWith: { first, _ in first })
    switch try Self.text(records["byteorder"], archive) {
    case nil, "little": isBigEndian = false
    case "big": isBigEndian = true
    case let other?:
      throw CheckpointError(.invalidArchive, path, "has the byte order \(other.debugDescription); little and big exist")
    }
  }

  func contents(key: String?) throws(CheckpointError) -> CheckpointContents {
    guard let pickle = records["data.pkl"] else {
      throw CheckpointError(.invalidArchive, archive.path, "has no 'data.pkl'")
    }
    let storage = try archive.bytes(pickle, limit: Self.maximumPickleSize)
    defer { withExtendedLifetime(storage) {} }
    let (graph, end) = try PickleMachine.read(storage.bytes, path: archive.path)
    guard end == storage.bytes.count else {
      throw CheckpointError(.invalidPickle, archive.path, "has bytes behind the end of its pickle")
    }
    let tensors = TorchTensors(graph: graph, path: archive.path, locate: locator())
    var contents = try StateDictFinder(tensors).contents(format: .pytorch, key: key)
    if let entry = records[Self.metadataName] {
      let text = try archive.bytes(entry, limit: SafetensorsHeader.maximumLength)
      var cursor = try JSONCursor(
        text.bytes, path: archive.path, subject: "'\(Self.metadataName)'", advice: "it is damaged")
      contents.metadata = try cursor.strings(in: "'\(Self.metadataName)'")
      try cursor.finish()
      withExtendedLifetime(text) {}
    }
    return contents
  }

  private func locator() -> TorchTensors.Locate {
    var deflated: [String: DeflatedBytes] = [:]
    var types: [String: TorchStorageType] = [:]
    let (archive, records, isBigEndian) = (archive, records, isBigEndian)
    return { (storage) throws(CheckpointError) in
      guard let entry = records["data/" + storage.key] else {
        throw CheckpointError(
          .invalidArchive, archive.path, "has no storage '\(storage.key)'", advice: "copy or download it again")
      }
      guard types.updateValue(storage.type, forKey: storage.key) ?? storage.type == storage.type else {
        throw CheckpointError(.invalidPickle, archive.path, "its pickle gives storage '\(storage.key)' two types")
      }
      guard let bytes = storage.byteCount, bytes == entry.count else {
        throw CheckpointError(
          .sizeMismatch, archive.path,
          "storage '\(storage.key)' of \(storage.count) elements of \(storage.type.size) bytes has \(entry.count) bytes"
        )
      }
      guard entry.isDeflated else {
        return TorchTensors.Place(
          byteCount: bytes, source: { .stored(offset: entry.range.lowerBound + $0) }, isBigEndian: isBigEndian)
      }
      let shared = deflated[storage.key] ?? archive.deflated(entry)
      deflated[storage.key] = shared
      return TorchTensors.Place(
        byteCount: bytes, source: { .deflated(shared, offset: $0) }, isBigEndian: isBigEndian)
    }
  }

  private static func text(_ entry: ZipArchive.Entry?, _ archive: ZipArchive) throws(CheckpointError) -> String? {
    guard let entry else { return nil }
    let storage = try archive.bytes(entry, limit: 100)
    defer { withExtendedLifetime(storage) {} }
    return String(decoding: storage.bytes, as: UTF8.self)
  }
}

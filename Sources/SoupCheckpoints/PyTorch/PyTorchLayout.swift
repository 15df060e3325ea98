import CZlib
import SoupTensors

/// Where everything goes in a `.pt` of PyTorch's zip format, known before any value is.
///
/// Storages are stored without compression at multiples of 64 bytes, as `torch.save` does, so that PyTorch maps them
/// (`mmap=True`) and this program uses them in place. What depends on values are the checksums alone: the zip headers
/// (`frame`) are written last.
public struct PyTorchLayout: Sendable {
  /// Tensors in the given order with the positions of their bytes; tied ones share theirs.
  public let entries: [TensorInfo]
  /// The tensors whose bytes have to be written, one per storage, in file order.
  public let storages: [TensorInfo]
  /// Size of the whole file in bytes.
  public let fileSize: Int

  private let records: [ZipRecord]
  private let directoryOffset: Int
  private static let folder = "archive/"

  /// - Parameters:
  ///   - metadata: string pairs, kept in an entry that PyTorch passes over.
  ///   - tiedNames: groups of names that share one storage; all of a group have one dtype and shape.
  /// - Throws: `TensorError.storageTooSmall` if a shape's size cannot be counted, `.duplicateName`.
  public init(
    _ items: [SafetensorsLayout.Item], metadata: [String: String] = [:], tiedNames: [[String]] = []
  ) throws(TensorError) {
    var owner: [String: String] = [:]
    for group in tiedNames { for name in group { owner[name] = group[0] } }
    var numbers: [String: Int] = [:]
    var described: [PyTorchPickle.Tensor] = []
    var stored: [(item: SafetensorsLayout.Item, bytes: Int)] = []
    var names: Set<String> = []
    for item in items {
      guard names.insert(item.name).inserted else { throw .duplicateName(item.name) }
      guard let bytes = HostTensor.byteCount(shape: item.shape, dtype: item.dtype) else {
        throw .storageTooSmall(shape: item.shape, dtype: item.dtype, byteOffset: 0, available: 0)
      }
      let key = owner[item.name] ?? item.name
      let number = numbers[key] ?? stored.count
      if numbers[key] == nil {
        numbers[key] = number
        stored.append((item, bytes))
      }
      described.append(.init(name: item.name, dtype: item.dtype, shape: item.shape, storage: number))
    }

    var position = 0
    var records: [ZipRecord] = []
    func add(_ name: String, size: Int, content: [UInt8]?, alignment: Int) throws(TensorError) {
      let record = ZipRecord(
        name: Self.folder + name, offset: position, size: size, content: content, alignment: alignment)
      records.append(record)
      let (end, overflow) = record.dataOffset.addingReportingOverflow(size)
      guard !overflow else {
        throw .storageTooSmall(shape: [size], dtype: .uint8, byteOffset: record.dataOffset, available: 0)
      }
      position = end
    }
    func add(_ name: String, _ content: [UInt8]) throws(TensorError) {
      try add(name, size: content.count, content: content, alignment: 1)
    }
    try add("data.pkl", PyTorchPickle.stateDict(described))
    try add("byteorder", Array("little".utf8))
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }
        .map { SafetensorsLayout.quoted($0.key) + ":" + SafetensorsLayout.quoted($0.value) }
      try add(PyTorchArchive.metadataName, Array("{\(pairs.joined(separator: ","))}".utf8))
    }
    var places: [Range<Int>] = []
    for (index, (_, bytes)) in stored.enumerated() {
      try add("data/\(index)", size: bytes, content: nil, alignment: 64)
      places.append(position - bytes..<position)
    }
    try add("version", Array("3\n".utf8))

    self.records = records
    directoryOffset = position
    storages = zip(stored, places).map { stored, range in
      TensorInfo(name: stored.item.name, dtype: stored.item.dtype, shape: stored.item.shape, byteRange: range)
    }
    entries = described.map {
      TensorInfo(name: $0.name, dtype: $0.dtype, shape: $0.shape, byteRange: places[$0.storage])
    }
    // The end's length does not depend on the checksums.
    let end = ZipRecord.end(records, checksums: Array(repeating: 0, count: records.count), at: position)
    fileSize = position + end.count
  }

  /// Everything that is not a tensor's bytes, with its position in the file.
  /// - Parameter checksums: CRC-32 of each of `storages`.
  public func frame(checksums: [UInt32]) -> [(offset: Int, bytes: [UInt8])] {
    precondition(checksums.count == storages.count, "one checksum per storage")
    var remaining = checksums[...]
    let all = records.map { record -> UInt32 in
      guard let content = record.content else { return remaining.popFirst() ?? 0 }
      return czlib_crc32(0, content, content.count)
    }
    var parts = zip(records, all).map { record, checksum in
      (offset: record.offset, bytes: record.localHeader(checksum) + (record.content ?? []))
    }
    parts.append((directoryOffset, ZipRecord.end(records, checksums: all, at: directoryOffset)))
    return parts
  }
}

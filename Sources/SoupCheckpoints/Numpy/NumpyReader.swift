import SoupTensors

/// Arrays that NumPy saved: `.npy`, one array, and `.npz`, a zip archive of them. Object arrays are refused: they are
/// pickles.
enum NumpyReader {
  /// One array; its name is the file's, without the extension.
  static func array(_ bytes: UnsafeRawBufferPointer, path: String) throws(CheckpointError) -> CheckpointContents {
    let file = path.split(separator: "/").last.map(String.init) ?? path
    let name = file.hasSuffix(".npy") && file.count > 4 ? String(file.dropLast(4)) : file
    let header = try NpyHeader(bytes, name: name, path: path)
    try check(header, name: name, size: bytes.count, path: path)
    var contents = CheckpointContents(format: .npy)
    contents.tensors = [tensor(header, name: name, place: .stored(offset: header.dataStart))]
    return contents
  }

  /// All arrays of an archive, in its order, without the `.npy` of their names.
  static func archive(_ archive: ZipArchive) throws(CheckpointError) -> CheckpointContents {
    var contents = CheckpointContents(format: .npz)
    for entry in archive.entries {
      guard entry.name.hasSuffix(".npy") else {
        contents.notes.append("'\(entry.name)' is not an array; passed over")
        continue
      }
      let name = String(entry.name.dropLast(4))
      let header: NpyHeader
      var place = TensorSource.Place.stored(offset: 0)
      if entry.isDeflated {
        let deflated = archive.deflated(entry)
        // Magic, version, length and text: the array itself is not expanded yet.
        let prefix = try deflated.prefix(12 + NpyHeader.maximumLength)
        var result: Result<NpyHeader, CheckpointError>?
        prefix.withUnsafeBytes { bytes in
          result = Result { () throws(CheckpointError) in try NpyHeader(bytes, name: name, path: archive.path) }
        }
        guard let result else { continue }
        header = try result.get()
        place = .deflated(deflated, offset: header.dataStart)
      } else {
        header = try NpyHeader(
          UnsafeRawBufferPointer(rebasing: archive.storage.bytes[entry.range]), name: name, path: archive.path)
        place = .stored(offset: entry.range.lowerBound + header.dataStart)
      }
      try check(header, name: name, size: entry.count, path: archive.path)
      contents.tensors.append(tensor(header, name: name, place: place))
    }
    return contents
  }

  private static func check(_ header: NpyHeader, name: String, size: Int, path: String) throws(CheckpointError) {
    let needed = try header.byteCount(name: name, path: path)
    let available = size - header.dataStart
    guard needed <= available else {
      throw CheckpointError(
        .truncated, path,
        "'\(name)' (\(header.dtype.name), shape \(header.shape)) needs \(needed) bytes, but has \(available)",
        advice: "copy or download it again")
    }
    guard needed == available else {
      throw CheckpointError(.gap, path, "the last \(available - needed) bytes of '\(name)' belong to no element")
    }
  }

  private static func tensor(
    _ header: NpyHeader, name: String, place: TensorSource.Place
  ) -> CheckpointContents.Tensor {
    CheckpointContents.Tensor(
      name: name, dtype: header.dtype, shape: header.shape,
      source: TensorSource(place, strides: header.strides, isBigEndian: header.isBigEndian))
  }
}

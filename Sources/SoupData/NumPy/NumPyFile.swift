import CZlib
import SoupTensors

/// The arrays in a `.npy` or `.npz` file, read in whole or in part.
struct NumPyFile {
  let path: String
  private let file: RandomAccessFile
  /// By name without `.npy`; a lone `.npy` file has the empty name.
  private let entries: [String: Entry]

  private struct Entry {
    var range: Range<Int>
    var isDeflated: Bool
    var size: Int
    var crc: UInt32
  }

  var names: [String] { entries.keys.sorted() }

  init(_ path: String) throws(DataError) {
    self.path = path
    file = try RandomAccessFile(path)
    let start = try file.bytes(in: 0..<min(4, file.size))
    if start == [0x50, 0x4b, 3, 4] {
      entries = try Self.directory(file)
    } else {
      entries = ["": Entry(range: 0..<file.size, isDeflated: false, size: file.size, crc: 0)]
    }
  }

  /// Header and place of a stored array; nil for compressed ones.
  func header(_ name: String) throws(DataError) -> (array: NPY, start: Int)? {
    guard let entry = entries[name], !entry.isDeflated else { return nil }
    let start = try file.bytes(
      in: entry.range.lowerBound..<entry.range.lowerBound + min(NPY.headerLimit, entry.range.count))
    return (try NPY(start, fileSize: entry.range.count, name: label(name)), entry.range.lowerBound)
  }

  /// An array's header and its numbers. A stored array may be read in part.
  /// - Parameter rows: which of the first dimension; all by default.
  func read(_ name: String, rows: Range<Int>? = nil) throws(DataError) -> (array: NPY, bytes: HostStorage) {
    guard let entry = entries[name] else {
      throw DataError(
        .notFound, file: path, "has no array '\(name)'", expected: "one of \(names.joined(separator: ", "))")
    }
    if let (array, start) = try header(name) {
      let rowSize = array.shape.first.map { $0 > 0 ? array.byteCount / $0 : 0 } ?? array.byteCount
      let rows = rows ?? 0..<(array.shape.first ?? 1)
      guard rows.upperBound <= array.shape.first ?? 1 else {
        throw DataError(
          .countMismatch, file: label(name), "has too few rows", expected: "\(rows.upperBound)",
          found: "\(array.shape.first ?? 1)")
      }
      let from = start + array.offset + rows.lowerBound * rowSize
      return (
        array, try storage(rows.count * rowSize) { bytes throws(DataError) in try file.read(into: bytes, at: from) }
      )
    }
    let content = try inflate(entry, label(name))
    let array = try NPY(Array(content.bytes.prefix(NPY.headerLimit)), fileSize: entry.size, name: label(name))
    let rowSize = array.shape.first.map { $0 > 0 ? array.byteCount / $0 : 0 } ?? array.byteCount
    let rows = rows ?? 0..<(array.shape.first ?? 1)
    guard rows.upperBound <= array.shape.first ?? 1 else {
      throw DataError(.countMismatch, file: label(name), "has too few rows", expected: "\(rows.upperBound)")
    }
    let from = array.offset + rows.lowerBound * rowSize
    return (
      array,
      try storage(rows.count * rowSize) { bytes throws(DataError) in
        bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: content.bytes[from..<from + bytes.count]))
      }
    )
  }

  private func label(_ name: String) -> String { name.isEmpty ? path : "\(path):\(name)" }

  private func storage(
    _ count: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(DataError) -> Void
  ) throws(DataError) -> HostStorage {
    var failure: DataError?
    let storage = HostStorage(count: count) { bytes in
      do throws(DataError) { try fill(bytes) } catch { failure = error }
    }
    if let failure { throw failure }
    return storage
  }

  private func inflate(_ entry: Entry, _ name: String) throws(DataError) -> HostStorage {
    guard entry.size <= GzipSource.largestOutput(of: entry.range.count) else {
      throw DataError(.wrongSize, file: name, "cannot hold the \(entry.size) bytes that the archive claims")
    }
    let input = try file.bytes(in: entry.range)
    guard let inflater = czlib_open_raw() else { throw DataError(.unreadable, file: name, "no memory to decompress") }
    defer { czlib_close(inflater) }
    return try storage(entry.size) { bytes throws(DataError) in
      var consumed = 0
      var produced = 0
      var status = CZLIB_OK
      let output = bytes.bindMemory(to: UInt8.self)
      input.withUnsafeBufferPointer { input in
        while status == CZLIB_OK {
          let before = (consumed, produced)
          status = czlib_inflate(
            inflater, input.baseAddress! + consumed, input.count - consumed, &consumed,
            output.baseAddress! + produced, output.count - produced, &produced)
          if before == (consumed, produced) { break }
        }
      }
      guard status == CZLIB_END, produced == bytes.count, czlib_crc32(0, output.baseAddress, output.count) == entry.crc
      else { throw DataError(.damaged, file: name, "the compressed array is damaged or ends early") }
    }
  }

  /// The central directory at the end of a zip archive.
  private static func directory(_ file: RandomAccessFile) throws(DataError) -> [String: Entry] {
    func damaged(_ what: String) -> DataError { DataError(.damaged, file: file.path, "is a damaged archive: \(what)") }
    let tailStart = max(0, file.size - 65_557)
    let tail = try file.bytes(in: tailStart..<file.size)
    func number(_ bytes: [UInt8], _ at: Int, _ size: Int) -> Int {
      (0..<size).reversed().reduce(0) { $0 << 8 | Int(bytes[at + $1]) }
    }
    guard tail.count >= 22,
      let end = (0...tail.count - 22).last(where: { tail[$0] == 0x50 && number(tail, $0, 4) == 0x0605_4b50 })
    else { throw DataError(.wrongSize, file: file.path, "the archive ends early: it has no directory") }
    let (count, size, start) = (number(tail, end + 10, 2), number(tail, end + 12, 4), number(tail, end + 16, 4))
    guard start != 0xffff_ffff, count != 0xffff else {
      throw DataError(
        .unsupported, file: file.path, "is larger than 4 GB", advice: "Save its arrays as .npy files, one for each")
    }
    guard size <= file.size, start <= file.size - size else { throw damaged("the directory is outside") }
    let directory = try file.bytes(in: start..<start + size)
    var entries: [String: Entry] = [:]
    var at = 0
    for _ in 0..<count {
      guard at + 46 <= directory.count, number(directory, at, 4) == 0x0201_4b50 else { throw damaged("its directory") }
      let method = number(directory, at + 10, 2)
      let (packed, unpacked) = (number(directory, at + 20, 4), number(directory, at + 24, 4))
      let (nameSize, extra, comment) = (
        number(directory, at + 28, 2), number(directory, at + 30, 2), number(directory, at + 32, 2)
      )
      let header = number(directory, at + 42, 4)
      guard at + 46 + nameSize <= directory.count, header <= file.size - 30 else { throw damaged("an entry") }
      let name = String(decoding: directory[at + 46..<at + 46 + nameSize], as: UTF8.self)
      let local = try file.bytes(in: header..<header + 30)
      let from = header + 30 + number(local, 26, 2) + number(local, 28, 2)
      guard number(local, 0, 4) == 0x0403_4b50, packed <= file.size, from <= file.size - packed else {
        throw damaged("the entry '\(name)'")
      }
      if name.hasSuffix(".npy"), method == 0 ? packed == unpacked : method == 8 {
        entries[String(name.dropLast(4))] = Entry(
          range: from..<from + packed, isDeflated: method == 8, size: unpacked,
          crc: UInt32(number(directory, at + 16, 4)))
      }
      at += 46 + nameSize + extra + comment
    }
    return entries
  }
}

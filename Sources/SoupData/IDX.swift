import SoupTensors

/// Reads IDX files, the format of MNIST: a magic number, big-endian dimensions, bytes. Plain or gzip, told apart by content.
///
/// A header is believed only as far as the file can bear it out: a plain file must have exactly the size claimed, and a gzip
/// file must be large enough that deflate could produce that much; memory is allocated after that check.
/// - Source: LeCun, Cortes and Burges, *The MNIST database*.
public enum IDX {
  /// Unsigned bytes, the only element type that image sets use.
  private static let byteType: UInt8 = 0x08

  /// Reads an array of unsigned bytes.
  /// - Parameters:
  ///   - path: the file.
  ///   - rank: number of dimensions expected, 3 for images (count, rows, columns), 1 for labels.
  /// - Returns: a `uint8` tensor of `rank` dimensions.
  /// - Throws: `DataError`: `.notFound`, `.unreadable`, `.damaged`, `.wrongSize`.
  public static func read(_ path: String, rank: Int) throws(DataError) -> HostTensor {
    let file = try InputFile(path)
    let source = try open(file)
    let header = try header(of: source, rank: rank)
    guard header[0] == 0, header[1] == 0, header[2] == byteType, Int(header[3]) == rank else {
      throw DataError(
        .damaged, file: path, "is not an IDX file of \(rank == 1 ? "labels" : "images")",
        expected: "magic number \(hexadecimal([0, 0, byteType, UInt8(rank)]))", found: hexadecimal(header[..<4]))
    }
    let shape = (1...rank).map { dimension in
      header[dimension * 4..<dimension * 4 + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    let limit = source is GzipSource ? GzipSource.largestOutput(of: file.size) : file.size - header.count
    guard let size = HostTensor.byteCount(shape: shape, dtype: .uint8), size <= limit else {
      throw DataError(
        .wrongSize, file: path, "is too small for the dimensions that its header claims",
        expected: shape.map(String.init).joined(separator: " × ") + " bytes",
        found: source is GzipSource ? "\(file.size) bytes of gzip" : "\(limit) bytes after the header")
    }
    do {
      return try HostTensor(dtype: .uint8, shape: shape) { bytes in
        let count = try source.readFully(into: bytes)
        guard count == size, try source.isAtEnd() else {
          throw DataError(
            .wrongSize, file: path, count < size ? "ends early" : "is longer than its header claims",
            expected: "\(size) bytes after the header", found: count < size ? "\(count)" : "more")
        }
      }
    } catch let error as DataError {
      throw error
    } catch {
      throw DataError(.unreadable, file: path, "\(error)")
    }
  }

  private static func open(_ file: InputFile) throws(DataError) -> any ByteSource {
    let magic = try bytes(of: file, count: 2)
    file.rewind()
    return magic == [0x1f, 0x8b] ? try GzipSource(file) : file
  }

  private static func header(of source: any ByteSource, rank: Int) throws(DataError) -> [UInt8] {
    let header = try bytes(of: source, count: 4 + 4 * rank)
    guard header.count == 4 + 4 * rank else {
      throw DataError(
        .wrongSize, file: source.path, "ends inside its header", expected: "\(4 + 4 * rank) bytes",
        found: "\(header.count)")
    }
    return header
  }

  private static func bytes(of source: any ByteSource, count: Int) throws(DataError) -> [UInt8] {
    do {
      return try [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
        initialized = try source.readFully(into: UnsafeMutableRawBufferPointer(buffer))
      }
    } catch let error as DataError {
      throw error
    } catch {
      throw DataError(.unreadable, file: source.path, "\(error)")
    }
  }

  private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
  }
}

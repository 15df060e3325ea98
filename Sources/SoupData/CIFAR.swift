import SoupTensors

/// Reads the binary version of CIFAR-10 and CIFAR-100: records of one label byte (CIFAR-100: two, coarse then fine), then
/// 3072 pixel bytes, the red plane first.
/// - Source: Krizhevsky, *Learning multiple layers of features from tiny images*, 2009, and its web page's format notes.
enum CIFAR {
  static let side = 32
  static let pixelCount = 3 * side * side

  /// Where the labels of a record are.
  struct Layout {
    /// Label bytes ahead of the pixels.
    let labelBytes: Int
    /// Which of them is the label wanted.
    let label: Int
    let classCount: Int
    var recordSize: Int { labelBytes + CIFAR.pixelCount }

    static let cifar10 = Layout(labelBytes: 1, label: 0, classCount: 10)
    static let cifar100 = Layout(labelBytes: 2, label: 1, classCount: 100)
    static let cifar100Coarse = Layout(labelBytes: 2, label: 0, classCount: 20)
  }

  /// Reads files one after the other into images of 32 × 32 × 3 bytes.
  /// - Parameter imagesPerFile: how many records each file must have.
  static func read(
    _ paths: [String], layout: Layout, imagesPerFile: Int
  ) throws -> (pixels: HostStorage, labels: [Int]) {
    let files = try paths.map { path in
      let file = try InputFile(path)
      guard file.size == imagesPerFile * layout.recordSize else {
        throw DataError(
          .wrongSize, file: path, "has the wrong size",
          expected: "\(imagesPerFile * layout.recordSize) bytes (\(imagesPerFile) images)", found: "\(file.size)")
      }
      return file
    }
    var labels: [Int] = []
    labels.reserveCapacity(paths.count * imagesPerFile)
    let pixels = try HostStorage(count: paths.count * imagesPerFile * pixelCount) { bytes in
      let record = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: layout.recordSize)
      defer { record.deallocate() }
      var target = bytes.bindMemory(to: UInt8.self).baseAddress!
      for file in files {
        let input = BufferedSource(file)
        for index in 0..<imagesPerFile {
          guard try input.readFully(into: UnsafeMutableRawBufferPointer(record)) == record.count else {
            throw DataError(.wrongSize, file: file.path, "ends early, in image \(index)")
          }
          let label = Int(record[layout.label])
          guard label < layout.classCount else {
            throw DataError(
              .labelOutOfRange, file: file.path, "image \(index) has an impossible label",
              expected: "0 to \(layout.classCount - 1)", found: "\(label)")
          }
          labels.append(label)
          interleave(UnsafeBufferPointer(rebasing: record[layout.labelBytes...]), into: target)
          target += pixelCount
        }
      }
    }
    return (pixels, labels)
  }

  /// Three planes to three bytes per pixel.
  private static func interleave(_ planes: UnsafeBufferPointer<UInt8>, into target: UnsafeMutablePointer<UInt8>) {
    let plane = side * side
    for pixel in 0..<plane {
      for channel in 0..<3 { target[pixel * 3 + channel] = planes[channel * plane + pixel] }
    }
  }
}

/// Reads ahead, so that small reads do not each ask the system.
private final class BufferedSource: ByteSource {
  private let source: any ByteSource
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
  private var pending = 0..<0

  init(_ source: any ByteSource) { self.source = source }
  deinit { buffer.deallocate() }

  var path: String { source.path }

  func read(into target: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
    if pending.isEmpty { pending = 0..<(try source.read(into: buffer)) }
    let count = min(pending.count, target.count)
    let part = pending.lowerBound..<pending.lowerBound + count
    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[part]))
    pending = part.upperBound..<pending.upperBound
    return count
  }
}

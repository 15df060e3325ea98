import CZlib

/// The decoded bytes of a gzip file, checked against its checksums; any number of members, nothing after the last.
final class GzipSource: ByteSource {
  private let file: InputFile
  private let inflater: OpaquePointer
  private let chunk = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 1 << 17)
  /// What is left of `chunk` to decode.
  private var pending = 0..<0
  private enum State { case inMember, betweenMembers, ended }
  private var state = State.inMember

  var path: String { file.path }

  /// No stream of `count` bytes can decode to more than this: deflate's best is 1032 to 1, two bits for 258 bytes.
  static func largestOutput(of count: Int) -> Int {
    let (product, overflow) = count.multipliedReportingOverflow(by: 1032)
    return overflow ? .max : product
  }

  init(_ file: InputFile) throws(DataError) {
    guard let inflater = czlib_open() else { throw DataError(.unreadable, file: file.path, "no memory to decode gzip") }
    self.file = file
    self.inflater = inflater
  }

  deinit {
    czlib_close(inflater)
    chunk.deallocate()
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(DataError) -> Int {
    guard let target = buffer.bindMemory(to: UInt8.self).baseAddress, !buffer.isEmpty else { return 0 }
    while true {
      if pending.isEmpty {
        pending = 0..<(try file.read(into: UnsafeMutableRawBufferPointer(chunk)))
      }
      switch state {
      case .ended:
        return 0
      case .betweenMembers:
        guard !pending.isEmpty else {
          state = .ended
          return 0
        }
        guard chunk[pending.lowerBound] == 0x1f, czlib_next_member(inflater) == CZLIB_OK else {
          throw DataError(.damaged, file: path, "has bytes after its gzip data")
        }
        state = .inMember
      case .inMember:
        if pending.isEmpty {
          throw DataError(.wrongSize, file: path, "the gzip data ends early, after \(file.size) bytes")
        }
      }
      var consumed = 0
      var produced = 0
      let status = czlib_inflate(
        inflater, chunk.baseAddress! + pending.lowerBound, pending.count, &consumed, target, buffer.count, &produced)
      pending = pending.lowerBound + consumed..<pending.upperBound
      switch status {
      case CZLIB_END: state = .betweenMembers
      case CZLIB_DAMAGED:
        throw DataError(
          .damaged, file: path, "the gzip data is damaged", found: String(cString: czlib_message(inflater)))
      case CZLIB_NO_MEMORY: throw DataError(.unreadable, file: path, "no memory to decode gzip")
      default: break
      }
      if produced > 0 { return produced }
    }
  }
}

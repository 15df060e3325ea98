import CZlib
import Synchronization

/// CRC-32 of runs of bytes that are written in pieces, by several threads and in any order.
///
/// The checksum of two neighbours follows from those of each and the length of the second, so no byte is read twice.
/// Pieces are joined as soon as their neighbours are there: as many are kept as threads are at work.
final class RunningChecksums: Sendable {
  private struct Piece {
    let end: Int
    let checksum: UInt32
  }

  private struct Run {
    /// Pieces by where they begin, and where they begin by where they end.
    var pieces: [Int: Piece] = [:]
    var starts: [Int: Int] = [:]
  }

  private let runs: Mutex<[Run]>

  init(count: Int) { runs = Mutex(Array(repeating: Run(), count: count)) }

  /// Notes a piece's checksum.
  func add(_ checksum: UInt32, of bytes: Range<Int>, in run: Int) {
    guard !bytes.isEmpty else { return }
    runs.withLock { runs in
      var (start, end, checksum) = (bytes.lowerBound, bytes.upperBound, checksum)
      if let before = runs[run].starts.removeValue(forKey: start),
        let piece = runs[run].pieces.removeValue(forKey: before)
      {
        checksum = czlib_crc32_combine(piece.checksum, checksum, end - start)
        start = before
      }
      if let next = runs[run].pieces.removeValue(forKey: end) {
        runs[run].starts[next.end] = nil
        checksum = czlib_crc32_combine(checksum, next.checksum, next.end - end)
        end = next.end
      }
      runs[run].pieces[start] = Piece(end: end, checksum: checksum)
      runs[run].starts[end] = start
    }
  }

  /// The checksum of a run of `count` bytes; nil while pieces are missing.
  func value(of run: Int, count: Int) -> UInt32? {
    if count == 0 { return 0 }
    return runs.withLock { runs in
      guard let piece = runs[run].pieces[0], piece.end == count else { return nil }
      return piece.checksum
    }
  }
}

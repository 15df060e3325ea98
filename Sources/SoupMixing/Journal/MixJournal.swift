import CKernels
import SoupTensors

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Which pieces of an unfinished output are written, with a checksum of each, so that a killed mix can be continued.
///
/// A piece counts as done only if its bytes in the file still have the checksum. So nothing has to be flushed to the
/// disk while mixing, and neither a crash of the machine nor a changed file can put wrong bytes into a soup. One line of
/// text for every piece, added after the piece; a line that was cut short says nothing.
final class MixJournal: Sendable {
  struct Record: Equatable {
    let checksum: UInt64
    let findings: MixWork.Findings
  }

  private struct Key: Hashable {
    let tensor: Int
    let start: Int
  }

  private let descriptor: Int32
  private let records: [Key: Record]

  /// Opens the journal of an unfinished file, or begins one; nil if it cannot be written, which costs only the chance
  /// to continue.
  /// - Parameters:
  ///   - identity: of the mix; records of another one say nothing.
  ///   - isContinued: whether the unfinished file is from an earlier process.
  init?(path: String, identity: String, isContinued: Bool) {
    descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { return nil }
    let title = "soup-journal 1 \(identity)"
    var text = isContinued ? Self.contents(descriptor) : ""
    if text.hasPrefix(title + "\n") {
      // A line cut short must not become part of the next one.
      if !text.hasSuffix("\n") { Self.append("\n", to: descriptor) }
    } else {
      text = ""
      guard ftruncate(descriptor, 0) == 0 else {
        records = [:]
        return nil
      }
      Self.append(title + "\n", to: descriptor)
    }
    var records: [Key: Record] = [:]
    for line in text.split(separator: "\n").dropFirst() {
      if let (key, record) = Self.parse(line) { records[key] = record }
    }
    self.records = records
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// What an earlier process noted of a piece.
  func record(of piece: MixWork.Piece) -> Record? {
    records.isEmpty ? nil : records[Key(tensor: piece.tensor, start: piece.elements.lowerBound)]
  }

  /// Notes a piece whose bytes are written.
  func add(_ piece: MixWork.Piece, _ record: Record) {
    var line = "\(piece.tensor) \(piece.elements.lowerBound) \(String(record.checksum, radix: 16))"
    for finding in record.findings.nonFinite { line += " \(finding.ingredient):\(finding.count)" }
    if record.findings.integersDiffer { line += " integers" }
    // The full stop tells a whole line from one that was cut short.
    Self.append(line + " .\n", to: descriptor)
  }

  private static func parse(_ line: Substring) -> (Key, Record)? {
    let words = line.split(separator: " ", omittingEmptySubsequences: false)
    guard words.count >= 4, words.last == ".", let tensor = Int(words[0]), let start = Int(words[1]),
      let checksum = UInt64(words[2], radix: 16)
    else { return nil }
    var findings = MixWork.Findings()
    for word in words[3..<(words.count - 1)] {
      if word == "integers" {
        findings.integersDiffer = true
        continue
      }
      let parts = word.split(separator: ":")
      guard parts.count == 2, let ingredient = Int(parts[0]), let count = Int(parts[1]) else { return nil }
      findings.nonFinite.append(.init(ingredient: ingredient, count: count))
    }
    return (Key(tensor: tensor, start: start), Record(checksum: checksum, findings: findings))
  }

  /// One call of the system for a line: lines of several threads do not mix. A failure costs only the chance to continue.
  private static func append(_ text: String, to descriptor: Int32) {
    var text = text
    text.withUTF8 { bytes in _ = write(descriptor, bytes.baseAddress, bytes.count) }
  }

  private static func contents(_ descriptor: Int32) -> String {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = pread(descriptor, &chunk, chunk.count, off_t(bytes.count))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
      bytes += chunk[..<count]
    }
  }
}

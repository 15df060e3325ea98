import Foundation

/// The folder of one run: `run.json` says what to do, `result.json` what came of it.
///
/// | file | written by | when |
/// |---|---|---|
/// | `run.json` | the study | before the run is started |
/// | `lock` | the job | locked while it, or a program that it started, lives |
/// | `attempts.jsonl` | the job | a line when it begins, a line when it ends |
/// | `log` | the command | standard error of all attempts |
/// | `output.jsonl` | the command | standard output, complete or absent |
/// | `result.json` | the job | last, by renaming: complete or absent |
public struct RunFolder: Sendable, Hashable {
  public let path: String

  public init(_ path: String) { self.path = path }

  public subscript(file: String) -> String { path + "/" + file }

  /// What a job is told.
  public struct Manifest: Codable, Sendable, Hashable {
    public var id: String
    public var name: String
    public var kind: RunSpecification.Kind
    /// The program and its arguments, `--threads` aside.
    public var command: [String]
    /// Where relative paths begin.
    public var directory: String
    /// Files that other runs have written for this one.
    public var inputs: [String]
    /// Files that must be there in the end, by name in this folder.
    public var outputs: [String]
    public var takesThreads: Bool

    private enum CodingKeys: String, CodingKey {
      case id, name, kind, command, directory, inputs, outputs
      case takesThreads = "takes_threads"
    }
  }

  /// What came of the last attempt.
  public struct Result: Codable, Sendable, Hashable {
    public var id: String
    public var ok: Bool
    /// Seconds since 1970.
    public var started: Double
    public var finished: Double
    public var host: String
    public var threads: Int
    public var attempt: Int
    public var exit: Int?
    public var signal: Int?
    /// Why it failed: the error and the last lines of the log.
    public var error: String?
  }

  /// A line of `attempts.jsonl`.
  public struct Event: Codable, Sendable, Hashable {
    public enum Kind: String, Codable, Sendable { case begin, done, failed, stopped }
    public var event: Kind
    public var attempt: Int
    public var time: Double
    public var host: String
    /// `42_3` in a job array.
    public var slurm: String?
    public var error: String?
  }

  public var manifest: Manifest? { read("run.json") }
  public var result: Result? { read("result.json") }

  public var events: [Event] {
    guard let data = FileManager.default.contents(atPath: self["attempts.jsonl"]) else { return [] }
    let decoder = JSONDecoder()
    return data.split(separator: UInt8(ascii: "\n")).compactMap { try? decoder.decode(Event.self, from: $0) }
  }

  /// Standard output of the command: one JSON value a line.
  public var printed: [JSONValue] {
    guard let data = FileManager.default.contents(atPath: self[RunSpecification.printed]) else { return [] }
    return JSONValue.lines(String(decoding: data, as: UTF8.self))
  }

  /// Whether a finished result is there: of this identity, successful, and with all its files.
  public func isDone(_ id: String, outputs: [String]) -> Bool {
    guard let result, result.ok, result.id == id else { return false }
    return (outputs + [RunSpecification.printed]).allSatisfy { FileStatus(self[$0]) != nil }
  }

  /// The last lines of the log.
  public func logTail(lines: Int = 12) -> String {
    guard let handle = FileHandle(forReadingAtPath: self["log"]) else { return "" }
    defer { try? handle.close() }
    let size = (try? handle.seekToEnd()) ?? 0
    try? handle.seek(toOffset: size > 8192 ? size - 8192 : 0)
    let text = String(decoding: (try? handle.readToEnd()) ?? Data(), as: UTF8.self)
    return text.split(whereSeparator: \.isNewline).suffix(lines).joined(separator: "\n")
  }

  func write(_ manifest: Manifest) throws(StudyError) {
    let path = self["run.json"]
    try AtomicText.write(encoded(manifest, pretty: true, for: path) + "\n", to: path)
  }

  func write(_ result: Result) throws(StudyError) {
    let path = self["result.json"]
    try AtomicText.write(encoded(result, pretty: true, for: path) + "\n", to: path)
  }

  func append(_ event: Event) throws(StudyError) {
    let path = self["attempts.jsonl"]
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .writing(path) }
    defer { close(descriptor) }
    // A line that an earlier attempt did not end, killed while it wrote, spoils only itself.
    let line = try Array((encoded(event, pretty: false, for: path) + "\n").utf8)
    guard Foundation.write(descriptor, line, line.count) == line.count else { throw .writing(path) }
  }

  private func read<Value: Decodable>(_ file: String) -> Value? {
    FileManager.default.contents(atPath: self[file]).flatMap { try? JSONDecoder().decode(Value.self, from: $0) }
  }

  private func encoded(_ value: some Encodable, pretty: Bool, for path: String) throws(StudyError) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    if pretty { encoder.outputFormatting.insert(.prettyPrinted) }
    // A number that JSON cannot write, such as a loss that is NaN, is this run's error, not a crash.
    guard let data = try? encoder.encode(value) else { throw .writing(path) }
    return String(decoding: data, as: UTF8.self)
  }
}

extension StudyError {
  /// The last system call on the file failed.
  static func writing(_ path: String) -> StudyError {
    StudyError(.cannotWrite, path, "cannot be written: \(String(cString: strerror(errno)))")
  }
}

import Foundation

/// Images in tar archives, WebDataset's way: files that share a name up to the first dot of its last part are one sample,
/// `dog/017.jpg` with `dog/017.cls`.
///
/// The label is the integer in `.cls`, or `"cls"` or `"label"` in `.json`. Archives are indexed once, by their headers; images
/// are then read wherever they are, so that shuffling is as good as from a folder and an epoch can be taken up anywhere.
public struct WebDataset: EncodedImages {
  public let name: String
  public let classNames: [String]
  private let archives: [RandomAccessFile]
  private let samples: [Sample]

  private struct Sample {
    let archive: Int32
    let label: Int32
    let range: Range<Int>
    let name: String
  }

  public var count: Int { samples.count }
  public func label(at index: Int) -> Int { Int(samples[index].label) }
  public func source(at index: Int) -> String { archives[Int(samples[index].archive)].path + ":" + samples[index].name }

  /// - Parameters:
  ///   - paths: archives, in order.
  ///   - classNames: numbers up to the largest label when nil.
  /// - Throws: `DataError`, naming samples without a label.
  public init(_ paths: [String], name: String? = nil, classNames: [String]? = nil) throws(DataError) {
    var archives: [RandomAccessFile] = []
    var samples: [Sample] = []
    var unlabelled: [String] = []
    for path in paths {
      let file = try RandomAccessFile(path)
      let archive = try TarArchive(path)
      var labels: [String: Int] = [:]
      var images: [(key: String, entry: TarArchive.Entry)] = []
      for entry in archive.entries {
        let (key, kind) = Self.key(entry.name)
        if ImageFile.isImage("x." + kind) {
          images.append((key, entry))
        } else if kind == "cls" || kind == "json" || kind == "cls.txt" {
          guard entry.range.count <= 1 << 20 else { continue }
          if let label = Self.label(in: try file.bytes(in: entry.range), kind: kind) { labels[key] = label }
        }
      }
      for image in images {
        guard let label = labels[image.key], label <= Int(Int32.max) else {
          unlabelled.append(path + ":" + image.entry.name)
          continue
        }
        samples.append(
          Sample(
            archive: Int32(archives.count), label: Int32(label), range: image.entry.range, name: image.entry.name))
      }
      archives.append(file)
    }
    guard unlabelled.isEmpty else {
      throw DataError(
        .notFound, file: paths.first, "\(unlabelled.count) images have no label",
        expected: "a .cls or .json file beside each, with an integer from 0", found: ImageFolder.list(unlabelled))
    }
    guard !samples.isEmpty else {
      throw DataError(.notFound, file: paths.first, "has no images", expected: "files .jpg, .jpeg or .png")
    }
    let largest = Int(samples.map(\.label).max()!)
    let names = classNames ?? (0...largest).map(String.init)
    guard largest < names.count else {
      throw DataError(
        .labelOutOfRange, file: paths.first, "a label names no class", expected: "0 to \(names.count - 1)",
        found: "\(largest)")
    }
    self.archives = archives
    self.samples = samples
    self.classNames = names
    self.name = name ?? "wds \(paths.first ?? "")" + (paths.count > 1 ? " and \(paths.count - 1) more" : "")
  }

  public func withBytes<R>(
    at index: Int, _ workspace: ImageWorkspace, _ body: (UnsafeRawBufferPointer) throws -> R
  ) throws -> R {
    let sample = samples[index]
    let buffer = workspace.encoded(sample.range.count)
    try archives[Int(sample.archive)].read(into: buffer, at: sample.range.lowerBound)
    return try body(UnsafeRawBufferPointer(buffer))
  }

  /// `a.b/017.seg.png` is the sample `a.b/017` and its part `seg.png`.
  static func key(_ name: String) -> (key: String, kind: String) {
    let start = name.lastIndex(of: "/").map { name.index(after: $0) } ?? name.startIndex
    guard let dot = name[start...].firstIndex(of: ".") else { return (name, "") }
    return (String(name[..<dot]), name[name.index(after: dot)...].lowercased())
  }

  private static func label(in bytes: [UInt8], kind: String) -> Int? {
    if kind != "json" {
      let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
      return Int(text).flatMap { $0 >= 0 ? $0 : nil }
    }
    struct Record: Decodable {
      var cls: Int?
      var label: Int?
    }
    let record = try? JSONDecoder().decode(Record.self, from: Data(bytes))
    return (record?.cls ?? record?.label).flatMap { $0 >= 0 ? $0 : nil }
  }

  /// `/data/{000..127}.tar` is 128 names; `{a,b}` two; a folder, the .tar files in it.
  /// - Throws: `DataError.notFound` when nothing is there.
  public static func shards(_ pattern: String) throws(DataError) -> [String] {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: pattern, isDirectory: &isFolder), isFolder.boolValue {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: pattern)) ?? []
      let shards = names.filter { $0.hasSuffix(".tar") }.sorted().map { pattern + "/" + $0 }
      guard !shards.isEmpty else { throw DataError(.notFound, file: pattern, "has no .tar files") }
      return shards
    }
    let names = try expand(pattern)
    let missing = names.filter { !FileManager.default.fileExists(atPath: $0) }
    guard missing.isEmpty else {
      throw DataError(
        .notFound, file: pattern, "\(missing.count) of \(names.count) archives are missing",
        found: ImageFolder.list(missing))
    }
    return names
  }

  private static func expand(_ pattern: String) throws(DataError) -> [String] {
    guard let open = pattern.firstIndex(of: "{"), let close = pattern[open...].firstIndex(of: "}") else {
      return [pattern]
    }
    let inner = String(pattern[pattern.index(after: open)..<close])
    let choices: [String]
    if let dots = inner.firstRange(of: "..") {
      let (first, last) = (inner[..<dots.lowerBound], inner[dots.upperBound...])
      guard let from = Int(first), let to = Int(last), from >= 0, from <= to, to - from < 1_000_000 else {
        throw DataError(.invalidRequest, "'{\(inner)}' is no range of shards", expected: "{000..127}")
      }
      choices = (from...to).map { number in
        let digits = String(number)
        return String(repeating: "0", count: max(0, first.count - digits.count)) + digits
      }
    } else {
      choices = inner.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    var names: [String] = []
    for choice in choices {
      names += try expand(pattern[..<open] + choice + pattern[pattern.index(after: close)...])
    }
    return names
  }
}

import Foundation

/// Images of which several classes count as right: ImageNet ReaL, and any set whose list says so.
/// - Source: Beyer et al., *Are we done with ImageNet?*, 2020, arXiv:2006.07159.
public struct MultiLabelImages: EncodedImages {
  public let base: any EncodedImages
  private let indices: [Int]
  private let sets: [[Int]]

  public var name: String { base.name }
  public var count: Int { indices.count }
  public var classNames: [String] { base.classNames }
  public func source(at index: Int) -> String { base.source(at: indices[index]) }
  public func targets(at index: Int) -> [Int] { sets[index] }
  /// The first of the set.
  public func label(at index: Int) -> Int { sets[index][0] }

  public func withBytes<R>(
    at index: Int, _ workspace: ImageWorkspace, _ body: (UnsafeRawBufferPointer) throws -> R
  ) throws -> R {
    try base.withBytes(at: indices[index], workspace, body)
  }

  /// - Parameter path: JSON. An array of arrays is by the number at the end of the file name, from 1, as ReaL's file is for
  ///   `ILSVRC2012_val_00000001.JPEG`; an object is by file name. Images with an empty set are left out, as ReaL does.
  /// - Throws: `DataError`, naming images that the file does not have.
  public init(_ base: any EncodedImages, labels path: String) throws(DataError) {
    let file = try RandomAccessFile(path)
    guard file.size <= 1 << 28 else {
      throw DataError(.tooLarge, file: path, "is too long for a list of labels", found: "\(file.size) bytes")
    }
    let data = Data(try file.bytes(in: 0..<file.size))
    let decoder = JSONDecoder()
    let list = try? decoder.decode([[Int]].self, from: data)
    let table = list == nil ? try? decoder.decode([String: [Int]].self, from: data) : nil
    guard list != nil || table != nil else {
      throw DataError(
        .damaged, file: path, "is no list of labels", expected: "[[1], [2, 7], …] or {\"name.jpg\": [1], …}")
    }
    var indices: [Int] = []
    var sets: [[Int]] = []
    var missing: [String] = []
    for index in 0..<base.count {
      let name = base.source(at: index).split(whereSeparator: { $0 == "/" || $0 == ":" }).last.map(String.init) ?? ""
      let set: [Int]?
      if let list {
        let stem = name.split(separator: ".").first ?? ""
        let digits = stem.reversed().prefix { $0.isNumber }.reversed()
        set = Int(String(digits)).flatMap { $0 >= 1 && $0 <= list.count ? list[$0 - 1] : nil }
      } else {
        set = table?[name]
      }
      guard let set else {
        missing.append(name)
        continue
      }
      guard set.allSatisfy(base.classNames.indices.contains) else {
        throw DataError(
          .labelOutOfRange, file: path, "\(name) has an impossible label",
          expected: "0 to \(base.classNames.count - 1)", found: "\(set)")
      }
      if !set.isEmpty {
        indices.append(index)
        sets.append(set)
      }
    }
    guard missing.isEmpty, !indices.isEmpty else {
      throw DataError(
        .countMismatch, file: path, "has no labels for \(missing.count) images of \(base.name)",
        found: ImageFolder.list(missing))
    }
    self.base = base
    self.indices = indices
    self.sets = sets
  }
}

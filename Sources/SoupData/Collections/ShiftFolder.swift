import Foundation

/// A folder of classes read for a model that knows other classes, or the same in another order: ImageNet-R and -A (200 of
/// ImageNet's 1000), ObjectNet (other names), ImageNet-V2 (numbers), LAION-C (super-classes).
///
/// A folder's class is what `mapping` says, else the class of that name; labels are positions in the model's list. Folders that
/// mean none of its classes are left out and named; only classes that have images take part in scores (`subset`).
public struct ShiftFolder: Sendable {
  public let images: ImageFiles
  /// Positions of the classes that have images, ascending.
  public let subset: [Int]
  /// Folders that mean none of the classes.
  public let ignored: [String]

  /// - Parameters:
  ///   - classes: what the model knows, in its order.
  ///   - mapping: folder to position in `classes`; wins over equal names.
  /// - Throws: `DataError` if no folder means a class, or one that does has no images.
  public init(_ path: String, name: String, classes: [String], mapping: [String: Int]? = nil) throws(DataError) {
    let positions = Dictionary(classes.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    var files: [ImageFile] = []
    var ignored: [String] = []
    var empty: [String] = []
    for folder in try ImageFolder.folders(in: path) {
      guard let label = mapping.map({ $0[folder] }) ?? positions[folder] else {
        ignored.append(folder)
        continue
      }
      let images = try ImageFolder.images(in: path + "/" + folder)
      if images.isEmpty { empty.append(folder) }
      files += images.map { ImageFile(path: $0, label: label) }
    }
    guard empty.isEmpty else {
      throw DataError(
        .notFound, file: path, "\(empty.count) class folders have no images", found: ImageFolder.list(empty))
    }
    guard !files.isEmpty else {
      throw DataError(
        .notFound, file: path, "no folder means one of the \(classes.count) classes",
        expected: ImageFolder.list(classes), found: ImageFolder.list(ignored),
        advice: "Name the model's classes with ?classes=FILE, or what folders mean with ?mapping=FILE (folder,class)")
    }
    // Python's order of paths within a label, whatever the labels' order.
    images = try ImageFiles(name: name, classNames: classes, files: files)
    subset = Array(Set(files.map(\.label))).sorted()
    self.ignored = ignored
  }
}

import Foundation

/// A folder with one folder of images for each class, as torchvision's `ImageFolder` reads it: classes are the folders' names
/// in the order of their UTF-8 bytes, images lie at any depth below, in the same order.
public enum ImageFolder {
  /// - Parameters:
  ///   - path: the folder of classes.
  ///   - classes: the names and their order, when the folder has only some of them or others besides; sorted folders otherwise.
  /// - Throws: `DataError`, naming every class without images.
  public static func read(
    _ path: String, name: String? = nil, classes: [String]? = nil
  ) throws(DataError) -> ImageFiles {
    let found = try folders(in: path)
    let names = classes ?? found
    guard !names.isEmpty else {
      throw DataError(
        .notFound, file: path, "has no class folders", expected: "one folder of images for each class",
        advice: "For images in one flat folder, write a list of path,label: manifest:/path/labels.csv")
    }
    var files: [ImageFile] = []
    var empty: [String] = []
    let isThere = Set(found)
    for (label, name) in names.enumerated() {
      let images = isThere.contains(name) ? try images(in: path + "/" + name) : []
      if images.isEmpty { empty.append(name) }
      files += images.map { ImageFile(path: $0, label: label) }
    }
    guard empty.isEmpty else {
      throw DataError(
        .notFound, file: path, "\(empty.count) of \(names.count) class folders have no images",
        found: list(empty), advice: "Remove these folders, or name the classes wanted: ?classes=FILE, one on each line."
      )
    }
    return try ImageFiles(name: name ?? "imagefolder \(path)", classNames: names, files: files)
  }

  static func list(_ names: [String]) -> String {
    names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", … (\(names.count))" : "")
  }

  /// The folders in a folder, sorted by their bytes, as Python sorts; hidden ones left out.
  static func folders(in path: String) throws(DataError) -> [String] {
    try entries(path).filter { $0.isFolder }.map(\.name)
  }

  /// The images at any depth, sorted level by level.
  static func images(in path: String) throws(DataError) -> [String] {
    var images: [String] = []
    var deeper: [String] = []
    for entry in try entries(path) {
      if entry.isFolder {
        deeper.append(entry.name)
      } else if ImageFile.isImage(entry.name) {
        images.append(path + "/" + entry.name)
      }
    }
    for name in deeper { images += try self.images(in: path + "/" + name) }
    return images
  }

  private static func entries(_ path: String) throws(DataError) -> [(name: String, isFolder: Bool)] {
    guard let directory = opendir(path) else {
      let code: DataError.Code = errno == ENOENT || errno == ENOTDIR ? .notFound : .unreadable
      throw DataError(code, file: path, String(cString: strerror(errno)))
    }
    defer { closedir(directory) }
    var entries: [(name: String, isFolder: Bool)] = []
    while let entry = readdir(directory) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 1) { String(cString: $0) }
      }
      if name.hasPrefix(".") { continue }
      var type = Int(entry.pointee.d_type)
      if type == Int(DT_LNK) || type == Int(DT_UNKNOWN) {
        var status = stat()
        guard stat(path + "/" + name, &status) == 0 else { continue }
        type = status.st_mode & S_IFMT == S_IFDIR ? Int(DT_DIR) : Int(DT_REG)
      }
      entries.append((name, type == Int(DT_DIR)))
    }
    return entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }
}

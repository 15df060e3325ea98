import Foundation

/// One image of a folder or list: where it is and what it shows.
public struct ImageFile: Sendable, Hashable {
  public var path: String
  public var label: Int

  public init(path: String, label: Int) {
    self.path = path
    self.label = label
  }

  /// File names that are taken for images: `.jpg`, `.jpeg`, `.png`, in either case. ImageNet has `.JPEG`.
  static func isImage(_ name: some StringProtocol) -> Bool {
    guard let dot = name.lastIndex(of: "."), !name.hasPrefix(".") else { return false }
    switch name[name.index(after: dot)...].lowercased() {
    case "jpg", "jpeg", "png": return true
    default: return false
    }
  }
}

/// Image files with labels, wherever a folder or a list says that they are.
public struct ImageFiles: EncodedImages {
  public let name: String
  public let classNames: [String]
  public let files: [ImageFile]

  public var count: Int { files.count }

  /// - Throws: `DataError.labelOutOfRange` if a label names no class.
  public init(name: String, classNames: [String], files: [ImageFile]) throws(DataError) {
    if let bad = files.first(where: { $0.label < 0 || $0.label >= classNames.count }) {
      throw DataError(
        .labelOutOfRange, file: bad.path, "has an impossible label", expected: "0 to \(classNames.count - 1)",
        found: "\(bad.label)")
    }
    self.name = name
    self.classNames = classNames
    self.files = files
  }

  public func label(at index: Int) -> Int { files[index].label }
  public func source(at index: Int) -> String { files[index].path }

  public func withBytes<R>(
    at index: Int, _ workspace: ImageWorkspace, _ body: (UnsafeRawBufferPointer) throws -> R
  ) throws -> R {
    let file = try InputFile(files[index].path)
    let buffer = workspace.encoded(file.size)
    let count = try file.readFully(into: buffer)
    return try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
  }
}

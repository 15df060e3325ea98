/// Labelled images of any size, as JPEG or PNG files somewhere, found by index.
///
/// Several threads read at once.
public protocol EncodedImages: Sendable {
  /// For messages and provenance.
  var name: String { get }
  var count: Int { get }
  /// One name per class; a label is an index into it.
  var classNames: [String] { get }

  /// The class of image `index`, in `0..<classNames.count`.
  func label(at index: Int) -> Int
  /// Every class that counts as right for image `index`; `[label(at: index)]` unless the set has several.
  func targets(at index: Int) -> [Int]
  /// Where image `index` comes from: a path, or an archive and the entry's name.
  func source(at index: Int) -> String

  /// Calls `body` with the bytes of the file of image `index`.
  func withBytes<R>(
    at index: Int, _ workspace: ImageWorkspace, _ body: (UnsafeRawBufferPointer) throws -> R
  ) throws -> R
}

extension EncodedImages {
  public func targets(at index: Int) -> [Int] { [label(at: index)] }
}

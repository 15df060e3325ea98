/// How the mixer gets at the ingredients' bytes. It makes no difference to the result.
public enum InputMode: String, Codable, Sendable, CaseIterable {
  /// Reads block by block into memory of its own, and tells the system a few pieces ahead what comes next. The faster one
  /// over files in the page cache, the one that keeps a network disk busy, and the one that gives an error, not a signal,
  /// when a file is cut short meanwhile.
  case read
  /// Maps the files and computes on the pages in place. Spares a copy where the page cache is short of memory, and
  /// serves where many programs share the same files.
  case mmap
}

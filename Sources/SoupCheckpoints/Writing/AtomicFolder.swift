import CSystem
import SoupTensors
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A folder of files that appears under its name only when all of them are complete.
///
/// It is written beside its final place under a hidden name, flushed, and renamed; where a folder of that name exists,
/// the two exchange their names in one step, and the old one is then removed. So at any moment there is the whole old
/// folder or the whole new one, and never an index with shards of another soup. Files of the old folder that are not
/// weights and that the new one does not have (a licence, pictures) are taken along, as links to the same bytes.
///
/// What a killed process leaves is continued by the next one with the same key, like an `AtomicFile`.
final class AtomicFolder: Sendable {
  /// Where the folder will appear, with a symbolic link at its end followed.
  let path: String
  let isContinued: Bool
  let journalPath: String?
  private let temporaryPath: String
  private let parent: String
  private let files: [WritableFile]
  private let names: [String]
  private let handle: WritableFile
  private struct State {
    var isOpen = true
    var added: [String] = []
  }
  private let state = Mutex(State())

  /// Creates the files and reserves their space.
  /// - Parameter replacing: whether a folder of that name that is not empty may be replaced.
  /// - Throws: `CheckpointError` with codes `exists`, `cannotWrite` or `noSpace`.
  init(
    path: String, files sizes: [(name: String, size: Int)], replacing: Bool, key: String?
  ) throws(CheckpointError) {
    var target = path
    while target.count > 1, target.hasSuffix("/") { target.removeLast() }
    var information = stat()
    var mode: mode_t = 0o777
    if stat(target, &information) == 0 {
      guard information.st_mode & S_IFMT == S_IFDIR else {
        throw CheckpointError(.cannotWrite, path, "is not a folder", advice: "name a folder to write to")
      }
      if let resolved = realpath(target, nil) {
        target = String(cString: resolved)
        free(resolved)
      }
      mode = information.st_mode & 0o777
      try Self.checkReplacing(target, named: path, replacing)
    }
    self.path = target
    let unfinished = UnfinishedName(target, kind: .folder)
    parent = unfinished.folder
    unfinished.removeAbandoned(except: key)
    var opened = key.map { unfinished.claim($0, mode: mode) } ?? nil
    let isClaimed = opened != nil
    if opened == nil { opened = unfinished.create(mode: mode) }
    guard let opened else { throw WritableFile.failure(path, "cannot be created in '\(parent)'", errno) }
    handle = WritableFile(opened.descriptor, name: target)
    let temporaryPath = opened.path
    self.temporaryPath = temporaryPath
    UnfinishedOutputs.all.withLock { _ = $0.folders.insert(temporaryPath) }
    journalPath = isClaimed ? temporaryPath + "/" + UnfinishedName.journalSuffix : nil
    names = sizes.map(\.name)

    // Without notes it is not what a mix left, but perhaps an old folder whose removal was cut short: its files may have
    // other names elsewhere, and must not be written over. With notes, what else is in it is added again.
    let journal = temporaryPath + "/" + UnfinishedName.journalSuffix
    let isOurs = access(journal, F_OK) == 0
    for name in UnfinishedOutputs.names(temporaryPath)
    where !isOurs || (!names.contains(name) && name != UnfinishedName.journalSuffix) {
      unlink(temporaryPath + "/" + name)
    }
    var files: [WritableFile] = []
    var isContinued = isClaimed && isOurs
    do throws(CheckpointError) {
      for (name, size) in sizes {
        let descriptor = open(temporaryPath + "/" + name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else { throw WritableFile.failure(target + "/" + name, "cannot be created", errno) }
        let file = WritableFile(descriptor, name: target + "/" + name)
        files.append(file)
        isContinued = isContinued && file.size == size && size > 0
      }
      if !isContinued { for (file, (_, size)) in zip(files, sizes) { try file.reserve(size) } }
    } catch {
      UnfinishedOutputs.removeFolder(temporaryPath)
      UnfinishedOutputs.all.withLock { _ = $0.folders.remove(temporaryPath) }
      throw error
    }
    self.files = files
    self.isContinued = isContinued
  }

  deinit {
    guard state.withLock({ $0.isOpen }) else { return }
    // Removed before the lock on it ends, so that nobody takes it for an abandoned one.
    UnfinishedOutputs.removeFolder(temporaryPath)
    UnfinishedOutputs.all.withLock { _ = $0.folders.remove(temporaryPath) }
  }

  /// Writes all of `bytes` at `offset` of a file; may be called from several threads for different parts.
  func write(_ bytes: UnsafeRawBufferPointer, to file: Int, at offset: Int) throws(CheckpointError) {
    try files[file].write(bytes, at: offset)
  }

  /// Reads bytes of an unfinished file; false if they cannot be read.
  func read(into target: UnsafeMutableRawBufferPointer, from file: Int, at offset: Int) -> Bool {
    files[file].read(into: target, at: offset)
  }

  /// Adds a small file.
  func add(_ name: String, _ contents: UnsafeRawBufferPointer) throws(CheckpointError) {
    let descriptor = open(temporaryPath + "/" + name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o666)
    guard descriptor >= 0 else { throw WritableFile.failure(path + "/" + name, "cannot be created", errno) }
    let file = WritableFile(descriptor, name: path + "/" + name)
    try file.write(contents, at: 0)
    try file.flush()
    state.withLock { $0.added.append(name) }
  }

  /// Flushes everything to the disk and gives the folder its name.
  func commit() throws(CheckpointError) {
    for file in files { try file.flush() }
    let own = names + state.withLock { $0.added }
    let isReplacing = !Self.contents(path).isEmpty
    if isReplacing {
      try Self.checkReplacing(path, named: path, true)
      for name in Self.contents(path) where !own.contains(name) && !Self.isWeights(name) {
        try take(name)
      }
    }
    let code = UnfinishedOutputs.all.withLock { unfinished in
      if let journalPath { unlink(journalPath) }
      WritableFile.flush(folder: temporaryPath)
      let code = isReplacing ? exchange() : rename(temporaryPath, path) == 0 ? 0 : errno
      if code == 0 {
        WritableFile.flush(folder: parent)
        unfinished.folders.remove(temporaryPath)
        // Now the old one has the hidden name.
        if isReplacing { UnfinishedOutputs.removeFolder(temporaryPath) }
      }
      return code
    }
    guard code == 0 else { throw WritableFile.failure(path, "cannot be put in place", code) }
    state.withLock { $0.isOpen = false }
  }

  private func exchange() -> Int32 {
    let code = csystem_exchange(temporaryPath, path)
    guard code == ENOTSUP else { return code }
    // A file system that cannot exchange names: for a moment there is neither, but both are complete on the disk.
    let aside = temporaryPath + ".old"
    guard rename(path, aside) == 0 else { return errno }
    guard rename(temporaryPath, path) == 0 else {
      let code = errno
      rename(aside, path)
      return code
    }
    rename(aside, temporaryPath)
    return 0
  }

  /// Links a file of the old folder into the new one; copies it where links do not work.
  private func take(_ name: String) throws(CheckpointError) {
    let (from, to) = (path + "/" + name, temporaryPath + "/" + name)
    if link(from, to) == 0 || errno == EEXIST { return }
    let file = try MappedFile(path: from)
    try add(name, file.storage.bytes)
  }

  private static func contents(_ folder: String) -> [String] { UnfinishedOutputs.names(folder) }

  /// - Throws: `exists`, or `cannotWrite` for a folder that holds more than one model's files.
  private static func checkReplacing(_ folder: String, named path: String, _ replacing: Bool) throws(CheckpointError) {
    let contents = contents(folder)
    guard !contents.isEmpty else { return }
    guard replacing else {
      throw CheckpointError(
        .exists, path, "is a folder with files in it", advice: "name another output, or allow replacing it")
    }
    let folders = contents.filter { name in
      var information = stat()
      return lstat(folder + "/" + name, &information) != 0 || information.st_mode & S_IFMT == S_IFDIR
    }
    guard folders.isEmpty else {
      throw CheckpointError(
        .cannotWrite, path,
        "has folders in it (\(folders.prefix(10).joined(separator: ", "))); only a folder of one "
          + "model's files is replaced", advice: "name another output")
    }
  }

  /// Whether a file is one that a model folder of ours or of Hugging Face has for its weights, or vouches for them: a new
  /// soup takes its place.
  private static func isWeights(_ name: String) -> Bool {
    if name == "soup.lock" { return true }
    for (stem, ending) in [("model", ".safetensors"), ("pytorch_model", ".bin")] {
      if name == stem + ending || name == stem + ending + ".index.json" { return true }
      guard name.hasPrefix(stem + "-"), name.hasSuffix(ending) else { continue }
      let middle = name.dropFirst(stem.count + 1).dropLast(ending.count)
      if middle.allSatisfy({ $0.isNumber || $0 == "-" || "of".contains($0) }) { return true }
    }
    return false
  }
}

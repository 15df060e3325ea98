import Foundation

/// Writes zip archives, honest or not, field by field.
struct ZipBuilder {
  struct Entry {
    var name: String
    var content: [UInt8]
    /// What the headers say, where it differs from the truth.
    var method: UInt16 = 0
    var flags: UInt16 = 0
    var count: UInt32?
    var stored: UInt32?
    var checksum: UInt32 = 0
    var localName: String?
    var localStored: UInt32?
    /// Where the directory says the entry is.
    var offset: UInt32?
    var extra: [UInt8] = []
  }

  var entries: [Entry] = []
  var entryCount: UInt16?
  var directorySize: UInt32?
  var directoryOffset: UInt32?
  var comment: [UInt8] = []
  var tail: [UInt8] = []

  mutating func add(_ name: String, _ content: [UInt8]) { entries.append(Entry(name: name, content: content)) }

  var bytes: [UInt8] {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for entry in entries {
      let offset = UInt32(file.count)
      let (name, local) = (Array(entry.name.utf8), Array((entry.localName ?? entry.name).utf8))
      let size = UInt32(entry.content.count)
      file += [0x50, 0x4B, 3, 4] + word(20) + word(entry.flags) + word(entry.method) + word(0) + word(0)
      file += long(entry.checksum) + long(entry.localStored ?? entry.stored ?? size) + long(entry.count ?? size)
      file += word(UInt16(local.count)) + word(0) + local + entry.content
      directory +=
        [0x50, 0x4B, 1, 2] + word(20) + word(20) + word(entry.flags) + word(entry.method) + word(0) + word(0)
      directory += long(entry.checksum) + long(entry.stored ?? size) + long(entry.count ?? size)
      directory += word(UInt16(name.count)) + word(UInt16(entry.extra.count)) + word(0) + word(0) + word(0) + long(0)
      directory += long(entry.offset ?? offset) + name + entry.extra
    }
    let count = entryCount ?? UInt16(entries.count)
    let end =
      [0x50, 0x4B, 5, 6] + word(0) + word(0) + word(count) + word(count)
      + long(directorySize ?? UInt32(directory.count)) + long(directoryOffset ?? UInt32(file.count))
      + word(UInt16(comment.count))
    return file + directory + end + comment + tail
  }

  private func word(_ value: UInt16) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
  private func long(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
}

/// Writes pickles of protocol 2, instruction by instruction.
struct PickleBuilder {
  var bytes: [UInt8] = [0x80, 2]

  static func += (builder: inout PickleBuilder, instructions: String) { builder.bytes += Array(instructions.utf8) }

  mutating func raw(_ values: [UInt8]) { bytes += values }

  mutating func text(_ text: String) {
    bytes += [0x58] + withUnsafeBytes(of: UInt32(text.utf8.count).littleEndian) { Array($0) } + Array(text.utf8)
  }

  mutating func integer(_ value: Int) {
    bytes += [0x8A, 8] + withUnsafeBytes(of: value.littleEndian) { Array($0) }
  }

  mutating func integers(_ values: [Int]) {
    self += "("
    for value in values { integer(value) }
    self += "t"
  }

  /// The call that makes a tensor of a storage.
  mutating func tensor(
    storage: String = "0", type: String = "FloatStorage", count: Int, offset: Int = 0, shape: [Int], strides: [Int],
    callee: String = "ctorch._utils\n_rebuild_tensor_v2\n"
  ) {
    self += callee
    self += "(("
    text("storage")
    self += "ctorch\n\(type)\n"
    text(storage)
    text("cpu")
    integer(count)
    self += "tQ"
    integer(offset)
    integers(shape)
    integers(strides)
    raw([0x89])
    self += "ccollections\nOrderedDict\n)RtR"
  }

  /// A state dict of one tensor `x`, made by `body`, as a file of torch.save with one storage of `bytes` zeros.
  static func archive(storage: Int = 16, _ body: (inout PickleBuilder) -> Void) -> [UInt8] {
    var pickle = PickleBuilder()
    pickle += "}"
    pickle.text("x")
    body(&pickle)
    pickle += "s."
    return archive(pickle: pickle.bytes, storage: storage)
  }

  static func archive(pickle: [UInt8], storage: Int = 16) -> [UInt8] {
    var zip = ZipBuilder()
    zip.add("archive/data.pkl", pickle)
    zip.add("archive/data/0", Array(repeating: 0, count: storage))
    return zip.bytes
  }
}

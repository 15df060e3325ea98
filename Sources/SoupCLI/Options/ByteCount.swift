import ArgumentParser

/// A number of bytes on the command line: `5GB`, `500 MB`, `2GiB`, `1000000`.
struct ByteCount: ExpressibleByArgument {
  let bytes: Int

  init(_ bytes: Int) { self.bytes = bytes }

  init?(argument: String) {
    let text = argument.uppercased().filter { $0 != " " }
    let number = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let units: [String: Double] = [
      "": 1, "B": 1, "K": 1e3, "KB": 1e3, "M": 1e6, "MB": 1e6, "G": 1e9, "GB": 1e9, "T": 1e12, "TB": 1e12,
      "KIB": 1024, "MIB": 1_048_576, "GIB": 1_073_741_824, "TIB": 1_099_511_627_776,
    ]
    guard let amount = Double(number), let unit = units[String(text.dropFirst(number.count))],
      let bytes = Int(exactly: (amount * unit).rounded()), bytes > 0
    else { return nil }
    self.bytes = bytes
  }

  var defaultValueDescription: String { bytes % 1_000_000 == 0 ? "\(bytes / 1_000_000)MB" : "\(bytes)" }
}

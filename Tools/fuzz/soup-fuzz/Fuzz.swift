import SoupCheckpoints
import SoupTensors

// Feeds mutated files to one parser and reads whatever it accepts to the end. Built by Tools/fuzz.sh with the address and
// fuzzer sanitizers; a refusal is a `CheckpointError`, anything else stops the run.
//
//     SOUP_FUZZ_PARSER=<parser> soup-fuzz [libFuzzer options] [corpus folder …]

/// What may be read at once of what a file claims to hold.
let readingLimit = 64 << 20

func readAll(_ storage: HostStorage) {
  do {
    let checkpoint = try Checkpoint(storage, name: "fuzz")
    for entry in checkpoint.entries where entry.byteRange.count <= readingLimit {
      let whole = try checkpoint.tensor(entry.name)
      guard whole.shape == entry.shape, whole.dtype == entry.dtype else { fatalError("the tensor is not its entry") }
      var sum: UInt64 = 0
      whole.withUnsafeBytes { bytes in for byte in bytes { sum &+= UInt64(byte) } }
      // A part from the middle must be the same bytes.
      let elements = entry.count / 3..<entry.count - entry.count / 3
      var part = [UInt8](repeating: 0, count: elements.count * entry.dtype.size)
      try part.withUnsafeMutableBytes { try checkpoint.read(entry, elements: elements, into: $0) }
      let size = entry.dtype.size
      let isSame = whole.withUnsafeBytes {
        $0[elements.lowerBound * size..<elements.upperBound * size].elementsEqual(part)
      }
      guard isSame else { fatalError("a part of a tensor differs from the whole") }
    }
  } catch is CheckpointError {
  } catch is TensorError {
  } catch {
    fatalError("an error of another kind: \(error)")
  }
}

/// The input in memory of exactly its size, so that the address sanitizer sees every step beyond it.
func storage(_ data: UnsafePointer<UInt8>?, _ count: Int) -> HostStorage {
  HostStorage(count: count) { $0.copyMemory(from: UnsafeRawBufferPointer(start: data, count: count)) }
}

func storage(_ bytes: [UInt8]) -> HostStorage { HostStorage(count: bytes.count) { $0.copyBytes(from: bytes) } }

func bytes(_ data: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
  Array(UnsafeBufferPointer(start: data, count: count))
}

let parsers: [String: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt] = [
  "safetensors": { data, count in
    // The length of the header is made right: else nearly every mutation ends there.
    let json = bytes(data, count)
    let length = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) }
    readAll(storage(length + json + Array(repeating: 7, count: 64)))
    readAll(storage(data, count))
    return 0
  },
  "archive": { data, count in
    readAll(storage(data, count))
    return 0
  },
  "pickle": { data, count in
    readAll(storage(Archive.of([("a/data.pkl", bytes(data, count)), ("a/data/0", Array(repeating: 3, count: 64))])))
    return 0
  },
  "legacy": { data, count in
    readAll(storage(data, count))
    return 0
  },
  "npy": { data, count in
    readAll(storage(data, count))
    readAll(storage(Archive.of([("x.npy", bytes(data, count))])))
    return 0
  },
  "index": { data, count in
    do {
      _ = try ShardIndex(UnsafeRawBufferPointer(start: data, count: count), path: "fuzz")
    } catch { return 0 }
    return 0
  },
]

/// The readers of data sets.
let dataParsers: [String: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt] = [
  "array": { data, count in
    DataParsers.array(bytes(data, count))
    return 0
  },
  "tar": { data, count in
    DataParsers.tar(bytes(data, count))
    return 0
  },
  "image": { data, count in
    DataParsers.image(bytes(data, count))
    return 0
  },
  "idx": { data, count in
    DataParsers.idx(bytes(data, count))
    return 0
  },
]

/// The parser that the environment names.
let parser: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt = {
  let name = getenv("SOUP_FUZZ_PARSER").map { String(cString: $0) } ?? ""
  guard let parser = parsers[name] ?? dataParsers[name] else {
    fatalError("SOUP_FUZZ_PARSER names one of \((parsers.keys.sorted() + dataParsers.keys.sorted()).joined(separator: ", "))")
  }
  return parser
}()

/// What libFuzzer, whose `main` this program has, calls with every input.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  parser(data, count)
}

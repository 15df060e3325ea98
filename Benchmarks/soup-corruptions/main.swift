// The Swift side of Benchmarks/corruptions.sh and Tools/check_corruptions.py.
//
//   soup-corruptions apply < jobs       each line: KIND SEVERITY TABLE HEIGHT WIDTH CHANNELS SEED INDEX INPUT OUTPUT
//                                       [numbers=FILE] [bank=FILE,FILE…]; files of bytes, banks JPEG or PNG
//   soup-corruptions time HEIGHT WIDTH IMAGES SECONDS THREADS KIND… < bytes     milliseconds an image, one line a kind
import Foundation
import SoupData

func fail(_ text: String) -> Never {
  FileHandle.standardError.write(Data(("soup-corruptions: error: " + text + "\n").utf8))
  exit(1)
}

func bytes(_ path: String) -> [UInt8] {
  guard let data = FileManager.default.contents(atPath: path) else { fail("cannot read \(path)") }
  return [UInt8](data)
}

func applyJobs() throws {
  while let line = readLine() {
    let words = line.split(separator: " ").map(String.init)
    guard words.count >= 10, let kind = CorruptionKind(rawValue: words[0]), let severity = Int(words[1]),
      let table = CorruptionTable(rawValue: words[2]), let height = Int(words[3]), let width = Int(words[4]),
      let channels = Int(words[5]), let seed = UInt64(words[6]), let index = Int(words[7])
    else { fail("a job is not understood: \(line)") }
    var options: [String: String] = [:]
    for word in words[10...] {
      let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
      if parts.count == 2 { options[parts[0]] = parts[1] }
    }
    var bank: TextureBank?
    if let names = options["bank"]?.split(separator: ",") {
      bank = try TextureBank(name: "given", images: names.map { try ImageCodec().decode(bytes(String($0))) })
    }
    let corruption = try Corruption(kind, severity: severity, table: table, bank: bank)
    var image = bytes(words[8])
    try image.withUnsafeMutableBufferPointer { pixels in
      if let path = options["numbers"] {
        var random = try RecordedRandomness(bytes(path))
        try corruption.apply(to: pixels, height: height, width: width, channels: channels, random: &random)
      } else {
        try corruption.apply(
          to: pixels, height: height, width: width, channels: channels, seed: seed, index: index)
      }
    }
    try Data(image).write(to: URL(fileURLWithPath: words[9]))
  }
}

func time(_ words: [String]) throws {
  guard words.count > 5, let height = Int(words[0]), let width = Int(words[1]), let images = Int(words[2]),
    let seconds = Double(words[3]), let threads = Int(words[4])
  else { fail("usage: time HEIGHT WIDTH IMAGES SECONDS THREADS KIND…") }
  let size = height * width * 3
  let all = [UInt8](FileHandle.standardInput.readDataToEndOfFile())
  guard all.count == images * size else { fail("\(images) images of \(size) bytes expected") }
  for name in words[5...] {
    guard let kind = CorruptionKind(rawValue: name) else { fail("no corruption is called \(name)") }
    let corruption = try Corruption(kind, severity: 3)
    @Sendable func run(_ first: Int, _ until: ContinuousClock.Instant?) -> Int {
      var image = [UInt8](repeating: 0, count: size)
      var done = 0
      while done == 0 || until.map({ ContinuousClock.now < $0 }) ?? false {
        let index = (first + done) % images
        image.withUnsafeMutableBufferPointer { pixels in
          _ = pixels.update(from: all[index * size..<(index + 1) * size])
          do {
            try corruption.apply(to: pixels, height: height, width: width, channels: 3, seed: 0, index: first + done)
          } catch { fail("\(error)") }
        }
        done += 1
      }
      return done
    }
    _ = run(0, nil)
    // The best of five rounds on one thread, one on all.
    var best = Double.infinity
    for _ in 0..<(threads == 1 ? 5 : 2) {
      let start = ContinuousClock.now
      let end = start + .seconds(seconds / 5)
      let counts = UnsafeMutableBufferPointer<Int>.allocate(capacity: threads)
      nonisolated(unsafe) let results = counts
      DispatchQueue.concurrentPerform(iterations: threads) { results[$0] = run($0 * 1000, end) }
      let elapsed = start.duration(to: .now) / .milliseconds(1)
      best = min(best, elapsed / Double(counts.reduce(0, +)))
      counts.deallocate()
    }
    print(name, String(format: "%.4f", best))
  }
}

do {
  let arguments = Array(CommandLine.arguments.dropFirst())
  switch arguments.first {
  case "apply": try applyJobs()
  case "time": try time(Array(arguments.dropFirst()))
  default: fail("apply or time")
  }
} catch {
  fail("\(error)")
}

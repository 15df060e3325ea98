import ArgumentParser
import SoupMixing

/// `soup verify`: are soup and ingredients still what the lock says?
struct VerifyCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Check a soup and its ingredients against the lock that 'soup mix' wrote.",
    usage: "soup verify <soup|lock> [--update] [--samples] [<options>]",
    discussion: """
      The lock, soup.lock for soup.safetensors or in a soup's folder, has size and SHA-256 of every ingredient and of \
      the soup, the recipe, the seed and the version. Every file is read and compared; each that is missing or differs \
      is named. Exits with 1 then.

      Of large files 'soup mix' takes a sample first, which costs nothing and tells another training run from this one, \
      but not a single flipped bit. --update adds the SHA-256 of all files, once.

      EXAMPLES
        soup verify soup.safetensors
            is everything as it was?
        soup verify soup.lock --update
            also add what SHA-256 the lock does not have yet
        soup verify soup.safetensors --samples
            the quick look: sizes and samples only
        soup verify soup.safetensors --json | jq -r '.entries[] | .status + " " + .path'
      """)

  @Argument(help: ArgumentHelp("A soup, or its lock.", valueName: "soup|lock"))
  var path: String

  @Flag(name: .long, help: "Add the SHA-256 of files that have only a sample.")
  var update = false

  @Flag(name: .long, help: "Compare sizes and samples only.")
  var samples = false

  @Option(name: .long, help: ArgumentHelp("Threads; all cores by default.", valueName: "n"))
  var threads: Int?

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if update, samples { throw ValidationError("--update reads all bytes, --samples does not: choose one.") }
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
  }

  func run(_ console: Console) throws {
    var (lock, place) = try SoupLock.read(path)
    let bar = console.progress("Reading files", unit: .bytes)
    let show: @Sendable (Int, Int) -> Void = { bar.update(completed: $0, total: $1) }
    if update {
      lock = try lock.completed(at: place, threads: threads, progress: show)
      try lock.write(to: place)
    }
    let result = try LockVerification(lock, at: place, samples: samples || update, threads: threads, progress: show)
    bar.finish()
    if console.isJSON {
      try console.emit(result)
    } else {
      print(result, lock, console)
    }
    if !result.isIntact { throw ExitCode(1) }
  }

  private func print(_ result: LockVerification, _ lock: SoupLock, _ console: Console) {
    var table = Table([.init("file"), .init("role"), .init("size", .right), .init("status")])
    for entry in result.entries {
      let words: [LockVerification.Status: String] = [
        .same: "same (SHA-256)", .sampled: "same (sample)", .changed: "changed", .missing: "missing",
      ]
      var status = words[entry.status] ?? ""
      if update, entry.status == .sampled { status = "same (SHA-256)" }
      table.add([entry.path, entry.role.rawValue, Format.bytes(entry.bytes), status])
    }
    console.print(table)
    console.print()
    for entry in result.differing { console.print("\(entry.path): \(entry.detail)") }
    let seed = lock.seed.map { ", seed \($0)" } ?? ""
    console.print("mixed \(lock.created) by version \(lock.version)\(seed)")
    let lacking = (lock.inputs.flatMap(\.files) + lock.outputs).contains { $0.sha256 == nil }
    switch (result.isIntact, lacking) {
    case (true, false): console.print("Everything is as it was.")
    case (true, true): console.print("Everything is as it was, as far as samples tell; --update adds SHA-256.")
    case (false, _):
      console.print("\(result.differing.count) of \(result.entries.count) files differ from the lock.")
    }
  }
}

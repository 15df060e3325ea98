import ArgumentParser
import SoupCheckpoints
import SoupTensors

/// `soup inspect`: what is in a checkpoint.
struct InspectCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what is in a checkpoint: tensors, sizes, metadata, values.",
    discussion: """
      Reads only the header, so it answers at once for a file of any size; --values reads everything.

      EXAMPLES
        soup inspect model.safetensors
            totals by dtype, model, metadata
        soup inspect --tensors model.safetensors
            every tensor: dtype, shape, bytes
        soup inspect --values runs/
            minimum, maximum, mean, rms, zeros, NaN and infinite values
        soup inspect --json model.safetensors | jq '.tensors[].name'
      """)

  @Argument(
    help: ArgumentHelp(
      "Checkpoint files, folders of *.safetensors, or quoted patterns.", valueName: "file"))
  var files: [String]

  @Flag(name: .long, help: "List every tensor.")
  var tensors = false

  @Flag(name: .long, help: "Read the values and describe them; implies --tensors.")
  var values = false

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if files.isEmpty { throw ValidationError("Name at least one checkpoint.") }
  }

  func run(_ console: Console) throws {
    let paths = try CheckpointPaths.expand(files)
    for (index, path) in paths.enumerated() {
      let checkpoint = try Checkpoint(contentsOf: path)
      let statistics = values ? try Self.statistics(checkpoint, console) : nil
      if console.isJSON {
        try console.emit(CheckpointSummary(checkpoint, statistics: statistics))
      } else {
        if index > 0 { console.print() }
        InspectText(checkpoint: checkpoint, statistics: statistics, listsTensors: tensors || values).print(console)
      }
      for (entry, found) in zip(checkpoint.entries, statistics ?? []) where found.nonFiniteCount > 0 {
        console.warn("\(path): \(entry.name) has \(found.nanCount) NaN and \(found.infinityCount) infinite values")
      }
    }
  }

  private static func statistics(_ checkpoint: Checkpoint, _ console: Console) throws -> [TensorStatistics] {
    let bar = console.progress("Reading \(checkpoint.path)", total: checkpoint.fileSize, unit: .bytes)
    defer { bar.finish() }
    return try checkpoint.entries.map { entry in
      defer { bar.update(completed: entry.byteRange.upperBound, message: entry.name) }
      return try TensorStatistics(entry, of: checkpoint)
    }
  }
}

/// The human-readable form.
private struct InspectText {
  let checkpoint: Checkpoint
  let statistics: [TensorStatistics]?
  let listsTensors: Bool

  func print(_ console: Console) {
    let summary = CheckpointSummary(checkpoint, statistics: nil)
    console.print(Self.printable(checkpoint.path))
    let totals = summary.dtypes.map { "\(Format.count($0.elements)) \($0.dtype)" }.joined(separator: ", ")
    var lines = [
      ("size", Format.bytes(checkpoint.fileSize)),
      ("tensors", Format.count(checkpoint.entries.count)),
      ("elements", totals.isEmpty ? "none" : totals),
    ]
    for (key, value) in checkpoint.metadata.sorted(by: { $0.key < $1.key }) {
      lines.append((Self.printable(key), Self.printable(value)))
    }
    let width = lines.map { displayWidth($0.0) }.max() ?? 0
    for (key, value) in lines {
      console.print("  \(key)\(String(repeating: " ", count: width - displayWidth(key)))  \(value)")
    }
    if listsTensors, !checkpoint.entries.isEmpty {
      console.print()
      console.print(table)
    }
  }

  private var table: Table {
    var columns: [Table.Column] = [
      .init("name"), .init("dtype"), .init("shape"), .init("elements", .right), .init("bytes", .right),
    ]
    if statistics != nil {
      columns += ["min", "max", "mean", "rms", "zeros", "NaN", "inf"].map { .init($0, .right) }
    }
    var table = Table(columns)
    for (index, entry) in checkpoint.entries.enumerated() {
      var cells = [
        entry.name, entry.dtype.name, "\(entry.shape)", Format.count(entry.count), Format.bytes(entry.byteRange.count),
      ]
      if let found = statistics?[index] {
        cells += [found.minimum, found.maximum, found.mean, found.rms].map { $0.map { Format.significant($0) } ?? "-" }
        cells += [found.zeroCount, found.nanCount, found.infinityCount].map { Format.count($0) }
      }
      table.add(cells)
    }
    return table
  }

  /// A string from a file, without what could steer a terminal.
  private static func printable(_ text: String) -> String {
    text.unicodeScalars.reduce(into: "") { result, scalar in
      if scalar.properties.generalCategory == .control {
        result += scalar.escaped(asASCII: true)
      } else {
        result.unicodeScalars.append(scalar)
      }
    }
  }
}

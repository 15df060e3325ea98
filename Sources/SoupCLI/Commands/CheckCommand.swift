import ArgumentParser
import SoupMixing

/// `soup check`: would this mix work?
struct CheckCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Say whether checkpoints can be mixed, and everything that speaks against it.",
    usage: "soup check <ingredient> ... [-o <file>] [--dtype <dtype>] [--values] [<options>]",
    discussion: """
      Reads only headers, so it answers at once for models of any size: names, shapes, dtypes, vocabularies, tied \
      layers, the size of the soup, disk and memory. Lists every problem, with what to do. Exits with 1 if the mix \
      cannot run. 'soup mix' makes the same checks before it starts.

      EXAMPLES
        soup check a.safetensors b.safetensors
            do they fit together?
        soup check runs/ -o /data/soup.safetensors --dtype bf16
            also: does the soup fit on the disk?
        soup check runs/ --values
            also: NaN, infinite and all-zero tensors
        soup check runs/ --json | jq -r '.findings[] | .file + ": " + .detail'
      """)

  @OptionGroup var recipe: RecipeOptions

  @Option(
    name: [.customShort("o"), .customLong("output")], help: ArgumentHelp("Where the soup would go.", valueName: "file"))
  var outputPath: String?

  @OptionGroup var shards: ShardOptions

  @Flag(name: .long, help: "Read the values: NaN, infinite and all-zero tensors, overflow of --dtype.")
  var values = false

  @Flag(name: .long, help: "The output may exist.")
  var force = false

  @OptionGroup(title: "Running") var engine: EngineOptions
  @OptionGroup var output: OutputOptions

  func run(_ console: Console) throws {
    let stages = try recipe.stages()
    let bar = console.progress("Reading values", unit: .bytes)
    let check = try StagedCheck(
      stages, output: outputPath, format: shards.format, shardSize: shards.shardSize?.bytes, replacing: force,
      mixer: engine.mixer, values: values
    ) { done, total in
      bar.update(completed: done, total: total)
    }
    bar.finish()
    for stage in check.stages {
      if console.isJSON {
        try console.emit(CheckResult(canMix: stage.check.canMix, stage: stage.name, check: stage.check))
        continue
      }
      if check.count > 1 { console.print(stage.name.map { "Stage \($0)" } ?? "The last stage") }
      CheckText(check: stage.check).print(console)
      if check.count > 1 { console.print() }
    }
    if !check.canMix { throw ExitCode(1) }
  }
}

/// What `soup check --json` prints.
private struct CheckResult: Encodable {
  let canMix: Bool
  /// The stage's name in a recipe of several.
  let stage: String?
  let check: MixCheck

  func encode(to encoder: any Encoder) throws {
    try check.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(canMix, forKey: .canMix)
    try container.encodeIfPresent(stage, forKey: .stage)
  }

  private enum CodingKeys: String, CodingKey { case canMix, stage }
}

/// The human-readable form of a check.
struct CheckText {
  let check: MixCheck

  func print(_ console: Console) {
    if !check.inputs.isEmpty {
      var table = Table([
        .init("ingredient"), .init("tensors", .right), .init("elements", .right), .init("dtype"), .init("size", .right),
      ])
      for input in check.inputs {
        table.add([
          input.path, Format.count(input.tensors), Format.count(input.elements), input.dtypes.joined(separator: ", "),
          Format.bytes(input.bytes),
        ])
      }
      console.print(table)
      console.print()
    }
    for line in lines { console.print(line) }
    var needs: [String] = []
    if let bytes = check.outputBytes {
      let free = check.freeDiskBytes.map { " (\(Format.bytes($0)) free)" } ?? ""
      needs.append("the soup: \(Format.bytes(bytes)) on disk\(free)")
    }
    if let bytes = check.memoryBytes { needs.append("memory: \(Format.bytes(bytes))") }
    let errors = check.findings.filter { $0.severity == .error }.count
    if !needs.isEmpty { console.print(needs.joined(separator: ", ")) }
    console.print(
      check.canMix
        ? "These can be mixed." : "These cannot be mixed: \(errors) problem\(errors == 1 ? "" : "s") to solve.")
  }

  /// One line a finding, grouped by file; advice that several findings share is said once.
  var lines: [String] { CheckFinding.Severity.allCases.flatMap { severity in lines(severity) } }

  func lines(_ severity: CheckFinding.Severity) -> [String] {
    var lines: [String] = []
    let findings = check.findings.filter { $0.severity == severity }
    var files: [String?] = []
    for finding in findings where !files.contains(finding.file) { files.append(finding.file) }
    for file in files {
      let members = findings.filter { $0.file == file }
      if let file { lines.append("\(severity.rawValue): \(file)") }
      for (index, finding) in members.enumerated() {
        let subject = finding.tensor.map { $0 + " " } ?? ""
        lines.append((file == nil ? "\(severity.rawValue): " : "  ") + subject + finding.detail)
        let isLast = index + 1 == members.count || members[index + 1].advice != finding.advice
        if isLast, !finding.advice.isEmpty { lines.append("    → \(finding.advice)") }
      }
    }
    if !findings.isEmpty { lines.append("") }
    return lines
  }
}

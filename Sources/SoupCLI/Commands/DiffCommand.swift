import ArgumentParser
import SoupMixing

/// `soup diff`: how two checkpoints differ.
struct DiffCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Show how two checkpoints differ: distance, cosine, largest change.",
    usage: "soup diff <a> <b> [--base <file>] [--top <n>] [--check] [<options>]",
    discussion: """
      Compares every tensor that both files have, largest relative change first. Distances are Euclidean, summed in \
      Float64 over finite values. With --base, also the task vectors (each model minus the base): their norms, and the \
      cosine between them, which tells how well a soup of the two can work.

      EXAMPLES
        soup diff zero-shot.safetensors tuned.safetensors
            the tensors that fine-tuning changed most
        soup diff a.safetensors b.safetensors --base base.safetensors
            what each of two fine-tunings did to their base
        soup diff a.safetensors b.safetensors --top 0
            only the totals
        soup diff a.safetensors b.safetensors --check
            exit with 1 if they differ, like diff(1)
        soup diff a.safetensors b.safetensors --json | jq '.total.cosine'
      """)

  @Argument(help: ArgumentHelp("The checkpoint to compare.", valueName: "a"))
  var a: String

  @Argument(help: ArgumentHelp("The checkpoint to compare it with.", valueName: "b"))
  var b: String

  @Option(name: .long, help: ArgumentHelp("The checkpoint that both come from.", valueName: "file"))
  var base: String?

  @Option(
    name: .long, help: ArgumentHelp("How many tensors to print; by default all that differ.", valueName: "n"))
  var top: Int?

  @Flag(name: .long, help: "Exit with 1 if names, shapes or values differ.")
  var check = false

  @Option(name: .long, help: ArgumentHelp("Threads; all cores by default. The result is the same.", valueName: "n"))
  var threads: Int?

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let top, top < 0 { throw ValidationError("--top must be at least 0.") }
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
  }

  func run(_ console: Console) throws {
    let bar = console.progress("Comparing", unit: .bytes)
    let diff = try CheckpointDiff(comparing: a, with: b, base: base, threads: threads) { done, total in
      bar.update(completed: done, total: total)
    }
    bar.finish()
    if console.isJSON { try console.emit(diff) } else { DiffText(diff: diff, top: top).print(console) }
    if diff.total.skipped > 0 {
      console.warn("\(Format.count(diff.total.skipped)) NaN or infinite values were left out of the sums")
    }
    if check, !diff.isEmpty { throw ExitCode(1) }
  }
}

/// The human-readable form.
private struct DiffText {
  let diff: CheckpointDiff
  let top: Int?

  func print(_ console: Console) {
    list("only in the first", diff.onlyInA, console)
    list("only in the second", diff.onlyInB, console)
    list("of another shape", diff.reshaped.map { "\($0.name)  \($0.shapeA) and \($0.shapeB)" }, console)
    list("not in the base", diff.notInBase, console)
    let differing = diff.tensors.filter { $0.changed > 0 || $0.dtypeA != $0.dtypeB }
    let shown = differing.sorted(by: Self.changedMore).prefix(top ?? differing.count)
    let hasBase = diff.total.tasks != nil
    var columns: [Table.Column] = [
      .init("tensor"), .init("dtype"), .init("changed", .right), .init("distance", .right), .init("relative", .right),
      .init("cosine", .right), .init("largest", .right),
    ]
    if hasBase { columns += ["|a - base|", "|b - base|", "cosine"].map { .init($0, .right) } }
    var table = Table(columns)
    for tensor in shown { table.add(cells(tensor, name: tensor.name)) }
    if !shown.isEmpty { table.addRule() }
    table.add(cells(diff.total, name: "all \(Format.count(diff.tensors.count)) tensors"), bold: true)
    console.print(table)
    if differing.count > shown.count {
      console.print("\(Format.count(differing.count - shown.count)) more tensors differ.")
    }
    if diff.isEmpty { console.print("No value differs.") }
  }

  /// What cannot be compared to zero changed most; then by relative change.
  private static func changedMore(_ a: TensorDifference, _ b: TensorDifference) -> Bool {
    let (x, y) = (a.relativeDistance ?? .infinity, b.relativeDistance ?? .infinity)
    return x != y ? x > y : a.distance > b.distance
  }

  private func cells(_ tensor: TensorDifference, name: String) -> [String] {
    func number(_ value: Double?) -> String { value.map { Format.significant($0) } ?? "-" }
    func cosine(_ value: Double?) -> String { value.map { Format.fixed($0, 6) } ?? "-" }
    var cells = [
      name, tensor.dtypeA == tensor.dtypeB ? tensor.dtypeA : "\(tensor.dtypeA), \(tensor.dtypeB)",
      tensor.elements == 0 ? "-" : Format.percent(Double(tensor.changed) / Double(tensor.elements), decimals: 1) + " %",
      number(tensor.distance), number(tensor.relativeDistance), cosine(tensor.cosine), number(tensor.largestChange),
    ]
    if let tasks = tensor.tasks { cells += [number(tasks.normA), number(tasks.normB), cosine(tasks.cosine)] }
    return cells
  }

  private func list(_ title: String, _ names: [String], _ console: Console) {
    guard !names.isEmpty else { return }
    console.print("\(Format.count(names.count)) tensor\(names.count == 1 ? "" : "s") \(title):")
    for name in names { console.print("  \(name)") }
    console.print()
  }
}

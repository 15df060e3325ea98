import ArgumentParser
import SoupMixing
import Synchronization

/// `soup mix`: checkpoints in, one checkpoint out.
struct MixCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "mix",
    abstract: "Mix checkpoints into a soup, by any merge method or a recipe.",
    usage: "soup mix <ingredient> ... -o <output> [--method <name> ...] [<options>]",
    discussion: """
      The ingredients must be the same model: same tensor names, same shapes. Every weight of the soup is computed in \
      Float64 and rounded once, to the ingredients' own dtype unless --dtype names another. Integer tensors, such as \
      batch-norm counters, are copied; values that are NaN or infinite are named. Everything is checked first, as by \
      'soup check'. The output appears only when it is complete.

      EXAMPLES
        The mean of all checkpoints in a folder; a weighted mean; WiSE-FT,
        0.7 base + 0.3 tuned:
          soup mix runs/ -o soup.safetensors
          soup mix a.safetensors b.safetensors --weights 1,3 -o soup.safetensors
          soup mix base.safetensors tuned.safetensors --alpha 0.3 -o soup.safetensors

        TIES of three models; task arithmetic; DARE:
          soup mix runs/ --method ties --base base.pt --density 0.5 -o soup.pt
          soup mix a.pt b.pt --method task_arithmetic --base base.pt \\
            --weights 0.4,0.3 -o soup.pt
          soup mix runs/ --method dare_ties --base base.pt --density 0.2 \\
            --seed 1 -o soup.pt

        Layers 0 to 15 of one model, then 8 to 23 of another:
          soup mix --method passthrough --slice a.pt=0:16 \\
            --slice b.pt=8:24 -o soup.pt

        A recipe, as for mergekit; what options mean, as a recipe:
          soup mix recipe.yml -o soup.safetensors
          soup mix runs/ --method ties --base base.pt --print-recipe

      VALUES
        0.5            for all ingredients
        0.5,0.3,0.4    for each ingredient, in their order
        0:0.5:1        from the first layer to the last, in straight lines
        attn=0.3       for tensors with 'attn' in their names; repeat the
                       option, the first that fits a tensor counts:
                       --weights attn=1,0 --weights 0.5,0.5
      """)

  @OptionGroup var recipe: RecipeOptions
  @OptionGroup(title: "Output") var soup: SoupFileOptions
  @OptionGroup(title: "Running") var engine: EngineOptions
  @OptionGroup(title: "Running") var lock: LockOptions

  @Flag(name: .long, help: "Print the recipe as YAML and mix nothing.")
  var printRecipe = false

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if !printRecipe, soup.path == nil { throw ValidationError("Name the soup's file: -o <file>.") }
  }

  func run(_ console: Console) throws {
    let stages = try recipe.stages()
    if printRecipe { return try Self.print(stages, console) }
    let path = soup.path ?? ""
    let check = try StagedCheck(
      stages, output: path, format: soup.shards.format, shardSize: soup.shards.shardSize?.bytes, replacing: soup.force,
      mixer: engine.mixer)
    for finding in check.stages.flatMap(\.check.findings) where finding.severity == .warning {
      console.warn([finding.file, finding.tensor, finding.detail].compactMap { $0 }.joined(separator: " "))
    }
    // What a killed mix left takes room on the disk that this one uses again; whether there is enough shows at once.
    guard check.canMix(besides: [.disk]) else { throw CheckFailure(check: check) }

    let staged = StagedMix(stages, output: path)
    Interruption.removesPartialFiles { staged.remove() }
    defer { staged.remove() }
    let bars = StageBars(console: console, stages: stages)
    let plan = try staged.mixEarlierStages(with: engine.mixer) { stage, progress in
      bars.raise(stage, progress)
    } finished: { stage, report in
      bars.finish()
      if let report { announce(report, stages[stage].recipe, "stage \(stages[stage].name ?? "")", console) }
    }
    let recorder = try lock.recorder(stages, to: soup.shards.destination(path), threads: engine.threads)
    let report = try soup.mix(plan, with: engine.mixer) { bars.raise(stages.count - 1, $0) }
    bars.finish()
    if let recorder {
      let bar = console.progress("Hashing", unit: .bytes)
      try recorder.finish(report) { bar.update(completed: $0, total: $1) }
      bar.finish()
    }
    announce(report, plan.recipe, path, console)
    if console.isJSON {
      try console.emit(MixResult(output: path, recipe: plan.recipe, report: report, warnings: report.warnings))
    }
  }

  /// Says what was mixed, and what is wrong with it.
  private func announce(_ report: MixReport, _ recipe: Recipe, _ target: String, _ console: Console) {
    for warning in report.warnings { console.warn(warning) }
    guard !console.isJSON else { return }
    let rate = Double(report.inputBytes) / max(report.seconds, 1e-9)
    let count = recipe.ingredients.count
    console.note(
      "Mixed \(count) checkpoint\(count == 1 ? "" : "s") of \(Format.count(report.tensors)) tensors into "
        + "\(target): \(Format.bytes(report.outputBytes)) in \(Format.duration(report.seconds))"
        + (report.seconds > 0.1 ? ", read at \(Format.bytes(Int(rate)))/s" : ""))
  }

  private static func print(_ stages: [RecipeFile.Stage], _ console: Console) throws {
    if console.isJSON {
      for stage in stages { try console.emit(stage.recipe) }
      return
    }
    let texts = try stages.map { try $0.recipe.yaml(name: $0.name) }
    console.output.print(texts.joined(separator: "---\n").trimmingSuffix { $0 == "\n" })
  }
}

/// One progress bar for each stage, made when it begins.
private final class StageBars: Sendable {
  private let console: Console
  private let labels: [String]
  private let current = Mutex<(stage: Int, bar: ProgressBar)?>(nil)

  init(console: Console, stages: [RecipeFile.Stage]) {
    self.console = console
    labels = stages.enumerated().map { index, stage in
      let count = stage.recipe.ingredients.count
      let place = stages.count > 1 ? "Stage \(index + 1) of \(stages.count): mixing" : "Mixing"
      return "\(place) \(count) checkpoint\(count == 1 ? "" : "s")"
    }
  }

  func raise(_ stage: Int, _ progress: MixProgress) {
    let bar = current.withLock { current in
      if let current, current.stage == stage { return current.bar }
      let bar = console.progress(labels[stage], total: progress.totalBytes, unit: .bytes)
      current = (stage, bar)
      return bar
    }
    bar.raise(to: progress.completedBytes, message: progress.tensor)
  }

  func finish() {
    current.withLock { current in
      current?.bar.finish()
      current = nil
    }
  }
}

/// Everything that speaks against a mix.
struct CheckFailure: Error, CustomStringConvertible {
  let check: StagedCheck

  var description: String {
    let count = check.stages.flatMap(\.check.findings).filter { $0.severity == .error }.count
    var lines = ["these cannot be mixed: \(count) problem\(count == 1 ? "" : "s") to solve"]
    for stage in check.stages {
      let text = CheckText(check: stage.check).lines(.error)
      if !text.isEmpty, check.count > 1, let name = stage.name { lines.append("  stage \(name):") }
      lines += text.map { "  " + $0 }
    }
    return lines.joined(separator: "\n")
  }
}

/// What `soup mix --json` prints.
private struct MixResult: Encodable {
  let output: String
  let recipe: Recipe
  let report: MixReport
  let warnings: [String]
}

extension String {
  fileprivate func trimmingSuffix(while isExtra: (Character) -> Bool) -> String {
    var text = self
    while let last = text.last, isExtra(last) { text.removeLast() }
    return text
  }
}

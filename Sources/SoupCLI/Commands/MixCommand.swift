import ArgumentParser
import SoupMixing

/// `soup mix`: checkpoints in, one checkpoint out.
struct MixCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "mix",
    abstract: "Mix checkpoints into a soup: uniform, weighted or interpolated.",
    usage: "soup mix <ingredient> ... -o <output> [--weights <w,…> | --alpha <a>] [<options>]",
    discussion: """
      The ingredients must be the same model: same tensor names, same shapes. Every weight of the soup is computed in \
      Float64 and rounded once, to the ingredients' own dtype unless --dtype names another. Integer tensors, such as \
      batch-norm counters, are copied from the first ingredient that takes part; values that are NaN or infinite are \
      named. The output appears only when it is complete.

      EXAMPLES
        soup mix a.safetensors b.safetensors c.safetensors -o soup.safetensors
            the uniform soup: the mean of three models
        soup mix runs/ -o soup.safetensors
            the same for all *.safetensors in a folder
        soup mix a.safetensors b.safetensors --weights 1,3 -o soup.safetensors
            one quarter a, three quarters b
        soup mix base.safetensors tuned.safetensors --alpha 0.3 -o soup.safetensors
            0.7 base + 0.3 tuned (WiSE-FT)
        soup mix a.safetensors b.safetensors --dtype bf16 -o soup.safetensors
            stored as bfloat16
      """)

  @Argument(
    help: ArgumentHelp("Checkpoint files, folders of *.safetensors, or quoted patterns.", valueName: "ingredient"))
  var ingredients: [String]

  @OptionGroup(title: "Output") var soup: SoupFileOptions
  @OptionGroup(title: "Output") var form: DTypeOptions
  @OptionGroup(title: "Method") var method: MethodOptions
  @OptionGroup(title: "Running") var engine: EngineOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if ingredients.isEmpty { throw ValidationError("Name the checkpoints to mix.") }
  }

  func run(_ console: Console) throws {
    let paths = try CheckpointPaths.expand(ingredients)
    var recipe = try method.recipe(paths)
    recipe.dtype = form.dtype?.dtype
    let plan = try MixPlan(recipe)
    Interruption.removesPartialFiles()
    let label = "Mixing \(paths.count) checkpoint\(paths.count == 1 ? "" : "s")"
    let bar = console.progress(label, total: plan.inputBytes, unit: .bytes)
    let report = try soup.mix(plan, with: engine.mixer) { progress in
      bar.raise(to: progress.completedBytes, message: progress.tensor)
    }
    bar.finish()
    for warning in report.warnings { console.warn(warning) }
    if console.isJSON {
      try console.emit(MixResult(output: soup.path, recipe: plan.recipe, report: report, warnings: report.warnings))
    } else {
      let rate = Double(report.inputBytes) / max(report.seconds, 1e-9)
      console.note(
        "Mixed \(paths.count) checkpoint\(paths.count == 1 ? "" : "s") of \(Format.count(report.tensors)) tensors into "
          + "\(soup.path): \(Format.bytes(report.outputBytes)) in \(Format.duration(report.seconds))"
          + (report.seconds > 0.1 ? ", read at \(Format.bytes(Int(rate)))/s" : ""))
    }
  }
}

/// What `soup mix --json` prints.
private struct MixResult: Encodable {
  let output: String
  let recipe: Recipe
  let report: MixReport
  let warnings: [String]
}

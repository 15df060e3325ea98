import ArgumentParser
import SoupCheckpoints
import SoupMixing
import SoupTensors

/// `soup mix`: checkpoints in, one checkpoint out.
struct MixCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "mix",
    abstract: "Mix checkpoints into a soup: uniform, weighted or interpolated.",
    usage: "soup mix <ingredient> ... -o <file> [--weights <w,…> | --alpha <a>] [<options>]",
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

  @Option(name: [.customShort("o"), .customLong("output")], help: ArgumentHelp("The soup's file.", valueName: "file"))
  var outputPath: String

  @Flag(name: .long, help: "Give every ingredient the same share (the default).")
  var uniform = false

  @Option(
    name: .long,
    help: ArgumentHelp("One weight for each ingredient, in order, separated by commas.", valueName: "w1,w2,…"))
  var weights: WeightList?

  @Flag(
    name: .long, inversion: .prefixedNo,
    help: "Divide the weighted sum by the sum of the weights.")
  var normalize = true

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Interpolate two ingredients: (1 - a) of the first, a of the second; beyond 0…1 extrapolates.",
      valueName: "a"))
  var alpha: Double?

  @Option(
    name: .long,
    help: "Store floating-point tensors as float32, float16, bfloat16, float64, float8_e4m3 or float8_e5m2.")
  var dtype: FloatName?

  @Flag(name: .long, help: "Replace the output if it exists; it may be one of the ingredients.")
  var force = false

  @Option(name: .long, help: ArgumentHelp("Threads; all cores by default. The result is the same.", valueName: "n"))
  var threads: Int?

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if ingredients.isEmpty { throw ValidationError("Name the checkpoints to mix.") }
    let ways = [uniform ? "--uniform" : nil, weights.map { _ in "--weights" }, alpha.map { _ in "--alpha" }]
      .compactMap { $0 }
    if ways.count > 1 { throw ValidationError("Choose one of \(ways.joined(separator: " and ")).") }
    if !normalize, weights == nil { throw ValidationError("--no-normalize goes with --weights.") }
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
  }

  func run(_ console: Console) throws {
    let paths = try CheckpointPaths.expand(ingredients)
    let plan = try MixPlan(try recipe(paths))
    Interruption.removesPartialFiles()
    let mixer = Mixer(threads: threads)
    let label = "Mixing \(paths.count) checkpoint\(paths.count == 1 ? "" : "s")"
    let bar = console.progress(label, total: plan.inputBytes, unit: .bytes)
    let report: MixReport
    do {
      report = try mixer.mix(plan, to: outputPath, replacing: force) { progress in
        bar.raise(to: progress.completedBytes, message: progress.tensor)
      }
    } catch let error as CheckpointError where error.code == .exists {
      throw CheckpointError(
        .exists, error.path, error.detail, advice: "name another output, or replace it with --force")
    }
    bar.finish()
    for warning in report.warnings { console.warn(warning) }
    if console.isJSON {
      try console.emit(MixResult(output: outputPath, recipe: plan.recipe, report: report, warnings: report.warnings))
    } else {
      let rate = Double(report.inputBytes) / max(report.seconds, 1e-9)
      console.note(
        "Mixed \(paths.count) checkpoint\(paths.count == 1 ? "" : "s") of \(Format.count(report.tensors)) tensors into "
          + "\(outputPath): \(Format.bytes(report.outputBytes)) in \(Format.duration(report.seconds))"
          + (report.seconds > 0.1 ? ", read at \(Format.bytes(Int(rate)))/s" : ""))
    }
  }

  private func recipe(_ paths: [String]) throws -> Recipe {
    var recipe: Recipe
    if let weights {
      guard weights.values.count == paths.count else {
        throw ValidationError(
          "--weights has \(weights.values.count) numbers, but there are \(paths.count) ingredients: "
            + paths.joined(separator: ", "))
      }
      recipe = .weighted(zip(paths, weights.values).map { (path: $0, weight: $1) }, normalize: normalize)
    } else if let alpha {
      guard paths.count == 2 else {
        throw ValidationError("--alpha interpolates two ingredients, but there are \(paths.count).")
      }
      recipe = .interpolate(paths[0], paths[1], alpha: alpha)
    } else {
      recipe = .uniform(paths)
    }
    recipe.dtype = dtype?.dtype
    return recipe
  }
}

/// What `soup mix --json` prints.
private struct MixResult: Encodable {
  let output: String
  let recipe: Recipe
  let report: MixReport
  let warnings: [String]
}

/// `1,2.5,-1` on the command line.
struct WeightList: ExpressibleByArgument {
  let values: [Double]

  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    let values = parts.compactMap { Double($0) }
    guard values.count == parts.count, values.allSatisfy(\.isFinite) else { return nil }
    self.values = values
  }
}

/// A floating-point dtype on the command line, in any usual spelling.
struct FloatName: ExpressibleByArgument {
  let dtype: DType

  init?(argument: String) {
    guard let dtype = DType(parsing: argument), dtype.isFloatingPoint else { return nil }
    self.dtype = dtype
  }
}

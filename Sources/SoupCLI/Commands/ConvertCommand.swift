import ArgumentParser
import SoupCheckpoints
import SoupMixing

/// `soup convert`: one checkpoint in, the same in another form out.
struct ConvertCommand: ConsoleCommand {
  static let configuration = CommandConfiguration(
    commandName: "convert",
    abstract: "Write a checkpoint in another format, dtype or number of files.",
    usage: "soup convert <input> <output> [--dtype <dtype>] [--shard-size <size>] [<options>]",
    discussion: """
      Reads safetensors, PyTorch (.pt, .pth, .bin, .ckpt of any age), NumPy (.npz, .npy), shards by their index, and \
      Hugging Face folders. The output's name says what is written: *.safetensors; *.pt, *.pth, *.bin or *.ckpt, which \
      torch.load(weights_only=True) reads; any other name is a folder, with the input folder's configuration and \
      tokenizer files. Tensors that keep their dtype keep every bit; integer tensors always do. What --dtype rounds, \
      and what is too large for it, is counted. The output appears only when it is complete.

      EXAMPLES
        soup convert model.pth model.safetensors
            out of the pickle, byte for byte
        soup convert training.pt::model_ema ema.safetensors
            one part of a training checkpoint
        soup convert llama/ llama-bf16/ --dtype bf16 --shard-size 2GB
            a model folder at half the size, in shards of at most 2 GB
        soup convert model.safetensors.index.json model.safetensors
            shards into one file
        soup convert model.safetensors model.pt --json
      """)

  @Argument(help: ArgumentHelp("A checkpoint file, an index of shards, or a model folder.", valueName: "input"))
  var input: String

  @Argument(
    help: ArgumentHelp(
      "*.safetensors, *.pt, *.pth, *.bin or *.ckpt; any other name is a folder.", valueName: "output"))
  var outputPath: String

  @OptionGroup var form: DTypeOptions
  @OptionGroup var shards: ShardOptions

  @Flag(name: .long, help: "Replace the output if it exists; it may be the input.")
  var force = false

  @Option(name: .long, help: ArgumentHelp("Threads; all cores by default. The result is the same.", valueName: "n"))
  var threads: Int?

  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1.") }
  }

  func run(_ console: Console) throws {
    let checkpoint = try Checkpoint(contentsOf: input)
    for note in checkpoint.notes { console.note("\(input): \(note)") }
    let destination = try shards.destination(outputPath)
    Interruption.removesPartialFiles()
    let bar = console.progress("Converting", unit: .bytes)
    let report = try SoupFileOptions.withAdvice {
      try Converter(threads: threads).convert(
        checkpoint, to: destination, dtype: form.dtype?.dtype, replacing: force
      ) { done, total in
        bar.update(completed: done, total: total)
      }
    }
    bar.finish()
    for warning in report.warnings { console.warn(warning) }
    if console.isJSON {
      try console.emit(
        ConvertResult(
          input: input, inputFormat: checkpoint.format, output: outputPath, outputFormat: destination.format,
          report: report, warnings: report.warnings))
    } else {
      console.note(
        "Converted \(Format.count(report.tensors)) tensors of \(input) into \(outputPath): "
          + "\(Format.bytes(report.outputBytes))"
          + (report.files.count > 1 ? " in \(Format.count(report.files.count)) files" : "")
          + " in \(Format.duration(report.seconds))")
    }
  }
}

/// What `soup convert --json` prints.
private struct ConvertResult: Encodable {
  let input: String
  let inputFormat: CheckpointFormat
  let output: String
  let outputFormat: CheckpointWriter.Format
  let report: ConversionReport
  let warnings: [String]
}

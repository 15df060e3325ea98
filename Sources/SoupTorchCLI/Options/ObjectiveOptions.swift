import ArgumentParser
import SoupCheckpoints
import SoupModels
import SoupTensors
import SoupTraining

/// What `soup train` minimises, and how the objective's own head is trained.
struct ObjectiveOptions: ParsableArguments {
  enum Choice: String, ExpressibleByArgument, CaseIterable {
    case supervised, mae, mocov3, mmcr, lejepa

    /// The self-supervised one of that name.
    var kind: ObjectiveConfiguration.Kind? { ObjectiveConfiguration.Kind(rawValue: rawValue) }
  }

  @Option(help: ArgumentHelp("What is minimised. All but supervised need no labels.", valueName: "name"))
  var objective: Choice = .supervised

  @Option(help: ArgumentHelp("Learning rate of the objective's own head. (default: --lr)", valueName: "rate"))
  var headLr: Double?

  @Option(
    help: ArgumentHelp("Fraction of all steps over which the head's rate rises. (default: 0.01)", valueName: "fraction")
  )
  var headWarmup: Double?

  @OptionGroup var mae: MAEOptions
  @OptionGroup var joint: JointOptions

  func validate() throws {
    if objective != .mae, !mae.given.isEmpty {
      let options = mae.given
      throw ValidationError(
        "\(options.joined(separator: ", ")) \(options.count == 1 ? "goes" : "go") with --objective mae")
    }
    if let (option, objectives) = joint.foreign(to: objective) {
      throw ValidationError("\(option) goes with --objective \(objectives.joined(separator: " or "))")
    }
    if objective == .supervised, headLr != nil || headWarmup != nil {
      throw ValidationError("--head-lr and --head-warmup are for self-supervised objectives; choose one by --objective")
    }
  }

  /// The objective; nil for supervised training.
  /// - Parameter weights: of the base, which may hold a head too
  /// - Returns: its settings, and the first values of its head, if there are any.
  func configuration(base weights: StateDict?) throws -> (ObjectiveConfiguration, head: StateDict?)? {
    guard let kind = objective.kind else { return nil }
    var head: StateDict?
    let algorithm: ObjectiveConfiguration.Algorithm
    switch kind {
    case .mae:
      let (settings, decoder) = try mae.configuration(base: weights)
      algorithm = .mae(settings)
      head = decoder
    case .mocov3: algorithm = .mocov3(joint.mocov3)
    case .mmcr: algorithm = .mmcr(joint.mmcr)
    case .lejepa: algorithm = .lejepa(joint.lejepa)
    }
    return (ObjectiveConfiguration(algorithm, headLearningRate: headLr, headWarmup: headWarmup ?? 0.01), head)
  }
}

/// The settings of MAE.
struct MAEOptions: ParsableArguments {
  @Option(help: ArgumentHelp("mae: fraction of the patches that is hidden. (default: 0.75)", valueName: "fraction"))
  var maskRatio: Double?

  @Flag(help: "mae: predict each patch standardised by its own mean and deviation.")
  var normPixels = false

  @Option(help: ArgumentHelp("mae: blocks of the decoder. (default: 8)", valueName: "n"))
  var decoderDepth: Int?

  @Option(help: ArgumentHelp("mae: width of the decoder. (default: 512)", valueName: "n"))
  var decoderWidth: Int?

  @Option(help: ArgumentHelp("mae: heads of the decoder. (default: one for 32 of its width)", valueName: "n"))
  var decoderHeads: Int?

  @Option(
    help: ArgumentHelp(
      "mae: start from the decoder in this file. (default: that of --from, if it has one)", valueName: "checkpoint"))
  var decoder: String?

  /// The options that were given.
  var given: [String] {
    [
      ("--mask-ratio", maskRatio != nil), ("--norm-pixels", normPixels), ("--decoder-depth", decoderDepth != nil),
      ("--decoder-width", decoderWidth != nil), ("--decoder-heads", decoderHeads != nil), ("--decoder", decoder != nil),
    ].filter(\.1).map(\.0)
  }

  /// A decoder's dimensions are those of its file. Where other ones are asked for, the base's decoder is left out.
  func configuration(base: StateDict?) throws -> (MAEConfiguration, decoder: StateDict?) {
    var settings = MAEConfiguration(normalizedTargets: normPixels)
    if let maskRatio { settings.maskRatio = maskRatio }
    var weights = try decoder.map { try Checkpoint(contentsOf: $0).stateDict().keeping(MaskedDecoder.isName) }
    if let decoder, weights?.isEmpty ?? false {
      throw TrainingError(
        .badConfiguration, file: decoder, "'\(decoder)' holds no MAE decoder (decoder_embed.weight, …)")
    }
    if weights == nil, decoderDepth == nil, decoderWidth == nil {
      weights = try base?.keeping(MaskedDecoder.isName)
      if weights?.isEmpty ?? false { weights = nil }
    }
    if let weights {
      let (width, depth) = try MaskedDecoder.dimensions(of: weights)
      guard decoderWidth ?? width == width, decoderDepth ?? depth == depth else {
        throw TrainingError(
          .badConfiguration, file: decoder,
          "the decoder has width \(width) and \(depth) blocks; leave out --decoder-width and --decoder-depth, or --decoder"
        )
      }
      (settings.decoderWidth, settings.decoderDepth) = (width, depth)
      settings.decoder = WeightFingerprint(weights).description
    } else {
      settings.decoderWidth = decoderWidth ?? settings.decoderWidth
      settings.decoderDepth = decoderDepth ?? settings.decoderDepth
    }
    settings.decoderHeads = decoderHeads ?? max(1, settings.decoderWidth / 32)
    return (settings, weights)
  }
}

extension StateDict {
  /// The tensors whose names pass.
  func keeping(_ isKept: (String) -> Bool) throws -> StateDict {
    try StateDict(filter { isKept($0.name) }.map { ($0.name, $0.tensor) }, metadata: metadata)
  }
}

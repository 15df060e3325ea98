import ArgumentParser
import SoupTraining

extension ObjectiveVariant: ExpressibleByArgument {}

/// The settings of the objectives that compare views: MoCo v3, MMCR and LeJEPA.
struct JointOptions: ParsableArguments {
  /// Widths of a head's layers, as `2048,2048,256`.
  struct Widths: ExpressibleByArgument {
    var values: [Int]

    init?(argument: String) {
      let numbers = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
      values = numbers.compactMap { $0 }
      guard !values.isEmpty, values.count == numbers.count else { return nil }
    }
  }

  @Option(
    help: ArgumentHelp(
      "mocov3, mmcr: original, or light (Self-Soupervision's: a head of two layers, no second encoder). "
        + "(default: original)", valueName: "name"))
  var variant: ObjectiveVariant?

  @Option(help: ArgumentHelp("mocov3: divides the similarities. (default: 0.2; light: 1)", valueName: "t"))
  var temperature: Double?

  @Option(
    help: ArgumentHelp(
      "mocov3: momentum of the second encoder at the start, rising to 1 (default: 0.99). mmcr: its momentum "
        + "(default: no second encoder)", valueName: "m"))
  var targetMomentum: Double?

  @Option(
    help: ArgumentHelp(
      "mocov3, mmcr, lejepa: widths of the projector's layers, as 2048,2048,256. (default: the published ones)",
      valueName: "list"))
  var projector: Widths?

  @Option(help: ArgumentHelp("mocov3: widths of the predictor's layers. (default: 4096,256)", valueName: "list"))
  var predictor: Widths?

  @Flag(help: "mocov3: train the patch projection of a ViT too.")
  var trainPatches = false

  @Option(help: ArgumentHelp("mmcr: views of each image. (default: 2)", valueName: "n"))
  var views: Int?

  @Option(help: ArgumentHelp("mmcr: weight of the local term. (default: 0)", valueName: "weight"))
  var localWeight: Double?

  @Option(help: ArgumentHelp("lejepa: weight of SIGReg. (default: 0.05)", valueName: "weight"))
  var sigregWeight: Double?

  @Option(help: ArgumentHelp("lejepa: random directions of a step. (default: 1024)", valueName: "n"))
  var slices: Int?

  @Option(help: ArgumentHelp("lejepa: points of the characteristic function. (default: 17)", valueName: "n"))
  var knots: Int?

  @Option(help: ArgumentHelp("lejepa: views of much of the image. (default: 2)", valueName: "n"))
  var globalViews: Int?

  @Option(help: ArgumentHelp("lejepa: views of a small part. (default: 6)", valueName: "n"))
  var localViews: Int?

  /// An option that was given and means nothing to the objective, with those that it goes with.
  func foreign(to objective: ObjectiveOptions.Choice) -> (option: String, objectives: [String])? {
    let options: [(String, Bool, [ObjectiveOptions.Choice])] = [
      ("--variant", variant != nil, [.mocov3, .mmcr]), ("--temperature", temperature != nil, [.mocov3]),
      ("--target-momentum", targetMomentum != nil, [.mocov3, .mmcr]),
      ("--projector", projector != nil, [.mocov3, .mmcr, .lejepa]), ("--predictor", predictor != nil, [.mocov3]),
      ("--train-patches", trainPatches, [.mocov3]), ("--views", views != nil, [.mmcr]),
      ("--local-weight", localWeight != nil, [.mmcr]), ("--sigreg-weight", sigregWeight != nil, [.lejepa]),
      ("--slices", slices != nil, [.lejepa]), ("--knots", knots != nil, [.lejepa]),
      ("--global-views", globalViews != nil, [.lejepa]), ("--local-views", localViews != nil, [.lejepa]),
    ]
    return options.first { $0.1 && !$0.2.contains(objective) }.map { ($0.0, $0.2.map(\.rawValue)) }
  }

  var mocov3: MoCoV3Configuration {
    MoCoV3Configuration(
      variant: variant ?? .original, temperature: temperature, targetMomentum: targetMomentum ?? 0.99,
      projector: projector?.values, predictor: predictor?.values, freezesPatchProjection: !trainPatches)
  }

  var mmcr: MMCRConfiguration {
    MMCRConfiguration(
      variant: variant ?? .original, localWeight: localWeight ?? 0, targetMomentum: targetMomentum, views: views ?? 2,
      projector: projector?.values)
  }

  var lejepa: LeJEPAConfiguration {
    let usual = LeJEPAConfiguration()
    return LeJEPAConfiguration(
      sigRegWeight: sigregWeight ?? usual.sigRegWeight, slices: slices ?? usual.slices, knots: knots ?? usual.knots,
      globalViews: globalViews ?? usual.globalViews, localViews: localViews ?? usual.localViews,
      projector: projector?.values ?? usual.projector)
  }
}

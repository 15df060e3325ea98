import ArgumentParser
import SoupMixing

/// The numbers of merge methods. Which method has which is in its guide, and in the error if it does not.
struct MethodParameters: ParsableArguments {
  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("The share of each ingredient.", valueName: "w1,w2,…"))
  var weights: [SettingText] = []

  @Flag(name: .long, inversion: .prefixedNo, help: "Divide by the sum of the weights.")
  var normalize: Bool?

  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("ties, dare, della, breadcrumbs: share of each task vector to keep.", valueName: "p"))
  var density: [SettingText] = []

  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Task vectors: factor of their sum.", valueName: "x"))
  var lambda: [SettingText] = []

  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("slerp: place between base (0) and model (1). nearswap: step.", valueName: "x"))
  var t: [SettingText] = []

  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("dare, della: seed of the random masks.", valueName: "n"))
  var seed: [SettingText] = []

  @Flag(name: .long, inversion: .prefixedNo, help: "Task vectors: make up for what was dropped.")
  var rescale: Bool?

  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("della: spread of the probabilities around the density.", valueName: "p"))
  var epsilon: [SettingText] = []

  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("breadcrumbs: share of the largest changes to drop.", valueName: "p"))
  var gamma: [SettingText] = []

  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("sce: share of positions, of largest variance, to keep.", valueName: "p"))
  var selectTopk: [SettingText] = []

  @Flag(name: .long, inversion: .prefixedNo, help: "model_stock: a ratio for each row.")
  var filterWise: Bool?

  @Flag(name: .long, inversion: .prefixedNo, help: "nuslerp: whole tensors are vectors.")
  var nuslerpFlatten: Bool?

  @Flag(name: .long, inversion: .prefixedNo, help: "nuslerp, not flattened: along the first axis.")
  var nuslerpRowWise: Bool?

  @Flag(name: .long, inversion: .prefixedNo, help: "multislerp: divide by the sum of the weights.")
  var normalizeWeights: Bool?

  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("multislerp: what counts as no length.", valueName: "x"))
  var eps: [SettingText] = []

  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("karcher: most iterations.", valueName: "n"))
  var maxIter: [SettingText] = []

  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("karcher: step that ends it.", valueName: "x"))
  var tol: [SettingText] = []

  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("passthrough: factor.", valueName: "x"))
  var scale: [SettingText] = []

  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("trimmed_mean: share to leave out at each end.", valueName: "p"))
  var trim: [SettingText] = []

  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("ema: share that stays at every ingredient.", valueName: "p"))
  var decay: [SettingText] = []

  @Option(
    name: .long, parsing: .unconditionalSingleValue,
    help: ArgumentHelp("lawa: how many of the last ingredients.", valueName: "n"))
  var window: [SettingText] = []

  /// What was given, by the names that recipes use.
  var given: [ParameterText] {
    let texts: [(String, [SettingText])] = [
      ("weight", weights), ("density", density), ("lambda", lambda), ("t", t), ("seed", seed), ("epsilon", epsilon),
      ("gamma", gamma), ("select_topk", selectTopk), ("eps", eps), ("max_iter", maxIter), ("tol", tol),
      ("scale", scale), ("trim", trim), ("decay", decay), ("window", window),
    ]
    let flags: [(String, Bool?)] = [
      ("normalize", normalize), ("rescale", rescale), ("filter_wise", filterWise), ("nuslerp_flatten", nuslerpFlatten),
      ("nuslerp_row_wise", nuslerpRowWise), ("normalize_weights", normalizeWeights),
    ]
    return texts.filter { !$0.1.isEmpty }.map { ParameterText(name: $0.0, texts: $0.1) }
      + flags.compactMap { name, value in
        value.map { ParameterText(name: name, texts: [SettingText(argument: $0 ? "1" : "0")]) }
      }
  }
}

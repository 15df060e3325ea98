import ArgumentParser
import SoupMixing

/// How ingredients become a soup: the method and the files that it needs beside them.
struct MethodOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "linear (the default), slerp, nuslerp, multislerp, karcher, task_arithmetic, ties, dare_linear, dare_ties, "
        + "della_linear, della, breadcrumbs, breadcrumbs_ties, sce, model_stock, nearswap, passthrough, fisher, median, "
        + "trimmed_mean, ema or lawa.", valueName: "name"))
  var method: String?

  @Option(name: .long, help: ArgumentHelp("The model that task vectors start from.", valueName: "file"))
  var base: String?

  @Flag(name: .long, help: "Give every ingredient the same share (the default).")
  var uniform = false

  @Option(
    name: .long, parsing: .unconditional,
    help: ArgumentHelp("(1 - a) of the first ingredient + a of the second.", valueName: "a"))
  var alpha: Double?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "fisher: checkpoints that say how much each element matters, in the order of the ingredients; repeat it, or name "
        + "a folder.", valueName: "file"))
  var importance: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Task vectors: checkpoints whose zeros leave elements out; one for all, or in the order of the ingredients, '-' "
        + "for none.", valueName: "file"))
  var mask: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Layers of the soup from layers of files, instead of ingredients; repeat it in the soup's order. Files of one slice "
        + "are mixed: a.pt=0:8+b.pt=4:12; numbers for it alone follow: ';weight=0.3,0.7'.", valueName: "file=from:to"))
  var slice: [SliceText] = []

  /// Names of the options that were given.
  var given: [String] {
    [
      method.map { _ in "--method" }, base.map { _ in "--base" }, uniform ? "--uniform" : nil,
      alpha.map { _ in "--alpha" }, importance.isEmpty ? nil : "--importance", mask.isEmpty ? nil : "--mask",
      slice.isEmpty ? nil : "--slice",
    ].compactMap { $0 }
  }

  /// The method's name; nil for what needs none, or if there is no such method.
  var name: MethodName? { method.flatMap { MethodName(parsing: $0) } }

  /// What is wrong, whatever the ingredients are.
  func problems(_ parameters: [ParameterText]) -> [String] {
    var problems: [String] = []
    let hasWeights = parameters.contains { $0.name == "weight" }
    let ways = [uniform ? "--uniform" : nil, hasWeights ? "--weights" : nil, alpha.map { _ in "--alpha" }]
      .compactMap { $0 }
    if method != nil, let alien = ways.first(where: { $0 != "--weights" }) {
      problems.append("Choose one of --method and \(alien).")
    } else if ways.count > 1 {
      problems.append("Choose one of \(ways.joined(separator: " and ")).")
    }
    if let alpha, !alpha.isFinite { problems.append("--alpha is \(alpha); it must be a finite number") }
    if let method, name == nil {
      problems.append(
        "there is no merge method '\(method)'; there are "
          + MethodName.allCases.map(\.rawValue).joined(separator: ", "))
      return problems
    }
    if method == nil, parameters.contains(where: { $0.name == "normalize" }), !hasWeights {
      problems.append("--normalize and --no-normalize go with --weights.")
    }
    let name = name ?? .linear
    let known = Dictionary(name.parameters.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let unknown = parameters.filter { known[$0.name] == nil && !(method == nil && $0.name == "normalize") }
    if !unknown.isEmpty {
      let options = name.parameters.map { ParameterText(name: $0.name, texts: []).option }
        .filter { $0 != "--int8-mask" }
      problems.append(
        "\(method == nil ? "without --method, linear" : name.rawValue) has no "
          + "\(unknown.map(\.option).joined(separator: ", ")); it has "
          + (options.isEmpty ? "none" : options.joined(separator: ", ")))
    }
    for parameter in parameters {
      if let specification = known[parameter.name] { problems += parameter.problems(specification) }
    }
    for slice in slice {
      if let problem = slice.problem { problems.append("--slice \(slice.text): \(problem)") }
      for parameter in slice.parameters where known[parameter.name] == nil {
        problems.append(
          "--slice \(slice.text): \(name.rawValue) has no '\(parameter.name)'; it has "
            + (known.isEmpty ? "no parameters" : known.keys.sorted().joined(separator: ", ")))
      }
    }
    if !slice.isEmpty, let alien = [uniform ? "--uniform" : nil, alpha.map { _ in "--alpha" }].compactMap({ $0 }).first
    {
      problems.append("Choose one of --slice and \(alien).")
    }
    switch name.usesBase {
    case .required where base == nil: problems.append("\(name.rawValue) needs a base model: --base <file>")
    case .ordinary where base != nil:
      problems.append("\(name.rawValue) has no base: name the file among the ingredients")
    default: break
    }
    if name != .fisher, !importance.isEmpty { problems.append("--importance goes with --method fisher") }
    if name == .fisher, importance.isEmpty { problems.append("fisher needs an --importance for every ingredient") }
    if !name.hasTaskVectors, !mask.isEmpty {
      problems.append("--mask goes with methods that add up task vectors, not with \(name.rawValue)")
    }
    return problems
  }
}

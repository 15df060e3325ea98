import ArgumentParser
import SoupMixing

/// How ingredients become a soup.
struct MethodOptions: ParsableArguments {
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

  func validate() throws {
    let ways = [uniform ? "--uniform" : nil, weights.map { _ in "--weights" }, alpha.map { _ in "--alpha" }]
      .compactMap { $0 }
    if ways.count > 1 { throw ValidationError("Choose one of \(ways.joined(separator: " and ")).") }
    if !normalize, weights == nil { throw ValidationError("--no-normalize goes with --weights.") }
  }

  func recipe(_ paths: [String]) throws -> Recipe {
    if let weights {
      guard weights.values.count == paths.count else {
        throw ValidationError(
          "--weights has \(weights.values.count) numbers, but there are \(paths.count) ingredients: "
            + paths.joined(separator: ", "))
      }
      return .weighted(zip(paths, weights.values).map { (path: $0, weight: $1) }, normalize: normalize)
    }
    if let alpha {
      guard paths.count == 2 else {
        throw ValidationError("--alpha interpolates two ingredients, but there are \(paths.count).")
      }
      return .interpolate(paths[0], paths[1], alpha: alpha)
    }
    return .uniform(paths)
  }
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

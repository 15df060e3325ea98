import ArgumentParser
import SoupCLI
import SoupData
import SoupEvaluation
import SoupModels
import SoupTorch

/// The vote of nearest neighbours that `--knn` and `--metric knn` ask for.
struct NeighbourOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Nearest images that vote. (default: 20)", valueName: "k"))
  var neighbours: Int?

  @Option(help: ArgumentHelp("Temperature of the votes exp(similarity / T). (default: 0.07)", valueName: "T"))
  var knnTemperature: Double?

  @Option(
    help: ArgumentHelp(
      "Training images that vote, evenly over those that are not held out. (default: all)", valueName: "n"))
  var knnImages: Int?

  func validate() throws {
    if let neighbours, neighbours < 1 {
      throw ValidationError("--neighbours must be at least 1, found \(neighbours)")
    }
    if let knnTemperature, !(knnTemperature > 0 && knnTemperature.isFinite) {
      throw ValidationError("--knn-temperature must be above 0, found \(knnTemperature)")
    }
    if let knnImages, knnImages < 1 { throw ValidationError("--knn-images must be at least 1, found \(knnImages)") }
  }

  /// Refuses options that mean nothing.
  func check(isUsed: Bool, _ flag: String) throws {
    let given = [
      ("--neighbours", neighbours != nil), ("--knn-temperature", knnTemperature != nil),
      ("--knn-images", knnImages != nil),
    ].filter(\.1).map(\.0)
    if !isUsed, !given.isEmpty { throw ValidationError("\(given.joined(separator: ", ")) need \(flag)") }
  }

  var vote: NeighbourVote { NeighbourVote(neighbours: neighbours ?? 20, temperature: knnTemperature ?? 0.07) }

  /// The model, classifying by the training images that are not held out.
  func network(
    _ model: any Network, _ images: EvaluationImages, batchSize: Int, _ computation: DeviceOptions, on device: Device,
    _ console: Console
  ) throws -> NeighbourNetwork {
    var train = try images.load(.train)
    if let knnImages { train = try Subset.spread(knnImages, of: train) }
    let network = try NeighbourNetwork(
      model,
      bank: FeatureExtractor(
        train, batchSize: batchSize, precision: computation.precision(on: device), device: device,
        loaderThreads: computation.loaderThreads), vote: vote)
    network.foundConstantFeatures = {
      console.warn(
        "a model gives all \(Format.count(train.count)) images the same features: its neighbours mean nothing")
    }
    return network
  }
}

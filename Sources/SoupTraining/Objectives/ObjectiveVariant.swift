import SoupModels
import SoupTorch

/// Which form of an objective: as first published, or as Self-Soupervision runs it.
public enum ObjectiveVariant: String, Codable, Sendable, CaseIterable {
  case original
  /// No second encoder and no batch norms: a head of two layers with GELU, gradients through one view only.
  /// - Source: Self-Soupervision, 2026, arXiv:2602.02890.
  case light
}

/// What is wrong with a head's list of layer widths; empty if nothing is.
func headProblems(_ widths: [Int]?, _ name: String) -> [String] {
  guard let widths else { return [] }
  let isPossible = !widths.isEmpty && widths.count <= 16 && widths.allSatisfy { (1...1 << 16).contains($0) }
  return isPossible ? [] : ["the \(name)'s widths must be 1 to 16 numbers in 1...65536, found \(widths)"]
}

extension Model {
  /// Length of what `features` gives for an image.
  var featureWidth: Int {
    switch configuration.architecture.family {
    case .he: 64 * configuration.width
    case .cifar(let stages), .vision(let stages): 512 * stages.expansion
    case .transformer: configuration.transformer?.dimension ?? 0
    }
  }

  /// Leaves a ViT's patch projection out of training, from the next optimiser on; nothing happens to other models.
  /// - Source: Chen, Xie and He, 2021, arXiv:2104.02057, section 4: a random patch projection trains as well and more stably.
  func freezePatchProjection() throws {
    for name in ["patch_embed.proj.weight", "patch_embed.proj.bias"] { try store[name]?.requireGradient(false) }
  }
}

extension TrainingBatch {
  /// Refuses a batch that an objective cannot work with.
  func require(views count: Int, images least: Int, _ why: String) throws {
    guard views.count == count else {
      throw TrainingError(.badConfiguration, "\(why): it takes \(count) views of each image, found \(views.count)")
    }
    let images = views[0].shape[0]
    guard images >= least else {
      throw TrainingError(
        .badConfiguration, "\(why): a batch needs at least \(least) images, found \(images); raise --batch-size")
    }
  }
}

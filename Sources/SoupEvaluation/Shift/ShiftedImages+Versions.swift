import SoupData
import SoupTensors

extension ShiftedImages {
  /// One version as a data set: its pixels are those that every evaluation under the shift sees.
  /// - Throws: what opening a version on disk throws; `EvaluationError.Code.shape` if it is not of the same images.
  public func images(of version: Int) throws -> any ImageDataset {
    let chosen = versions[version]
    let all: any ImageDataset
    switch chosen.source {
    case .clean: all = base
    case .corrupted(let corruption, let seed):
      all = try CorruptedDataset(base: base, corruption: corruption, seed: seed)
    case .stored(let open):
      all = try open()
      guard all.count == base.count, all.classNames == base.classNames else {
        throw EvaluationError(
          .shape,
          "\(all.name) and \(base.name) are not of the same images, so that they cannot be compared image by image")
      }
    }
    return try Subset(of: all, indices: positions, name: "\(base.name), \(chosen.name) \(chosen.severity)")
  }

  /// How given logits do on these images, of whichever version.
  /// - Parameter logits: `[count, classes]`, classes of `base`.
  public func outcomes(_ logits: HostTensor) throws -> SampleOutcomes {
    guard logits.shape == [count, base.classCount] else {
      throw EvaluationError(
        .shape, "\(count) images of \(base.classCount) classes need logits of that shape, found \(logits.shape)")
    }
    let logits = try Evaluator.masked(logits, base.classSubset)
    guard let groups else { return try SampleOutcomes(logits: logits, labels: labels, targets: targets) }
    let values = logits.floats()
    var sum = ScoreSum(classes: classNames.count, images: count)
    for (image, label) in labels.enumerated() {
      sum.add(groups.logits(of: values[image * base.classCount..<(image + 1) * base.classCount])[...], label: label)
    }
    return sum.outcomes
  }
}

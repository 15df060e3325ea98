/// A model under a shift that is computed: the same images under every corruption and severity.
///
/// What `soup evaluate MODEL --shift NAME --json` prints of a model under `shift`, on the line that has its `checkpoint`:
///
/// ```
/// {"checkpoint": "…", "split": "test", "shift": {
///    "name": "cifar-c", "mean_accuracy": 0.7312, "corruptions": [
///      {"name": "gaussian_noise", "severity": 1, "images": 1000, "accuracy": 0.813, "loss": 0.61}, …]}}
/// ```
///
/// Accuracies are fractions, losses nats, severities whole numbers from 1; `mean_accuracy` is the
/// unweighted mean over `corruptions`. With `--predictions` the file has one row for each of them, in this order; rows of other
/// models, such as an ensemble's members, come first, and `clean` ones are left out by their name.
public struct ShiftScore: Sendable, Hashable {
  /// `imagenet-c`, `imagenet-c-extra`, `cifar-c`, `laion-c`.
  public let name: String
  public let meanAccuracy: Double
  public let corruptions: [Corruption]

  public struct Corruption: Sendable, Hashable {
    public let name: String
    public let severity: Int
    public let images: Int
    public let accuracy: Double
    public let loss: Double?
  }

  /// The number of images of each corruption; nil where they differ.
  public var images: Int? {
    Set(corruptions.map(\.images)).count == 1 ? corruptions.first?.images : nil
  }

  /// The unweighted mean over corruptions and severities, in nats.
  public var meanLoss: Double? {
    let losses = corruptions.compactMap(\.loss)
    return losses.isEmpty || losses.count < corruptions.count ? nil : losses.reduce(0, +) / Double(losses.count)
  }

  /// - Returns: nil unless every corruption has a name, a severity, images and an accuracy.
  init?(_ value: JSONValue) {
    guard let name = value["name"]?.text, let list = value["corruptions"]?.array, !list.isEmpty else { return nil }
    let corruptions = list.compactMap { item -> Corruption? in
      guard let name = item["name"]?.text, let severity = item["severity"]?.integer,
        let images = item["images"]?.integer, let accuracy = item["accuracy"]?.double
      else { return nil }
      return Corruption(
        name: name, severity: severity, images: images, accuracy: accuracy, loss: item["loss"]?.double)
    }
    guard corruptions.count == list.count else { return nil }
    self.name = name
    self.corruptions = corruptions
    meanAccuracy =
      value["mean_accuracy"]?.double
      ?? corruptions.reduce(0) { $0 + $1.accuracy } / Double(corruptions.count)
  }
}

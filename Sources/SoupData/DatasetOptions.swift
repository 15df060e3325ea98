/// What may follow a data set's folder: `?key=value&key=value`.
enum DatasetOptions {
  /// Of sets of image files.
  private static let encoded: [String] = [
    "size", "resize", "filter", "view", "global-views", "part", "bad", "orientation", "classes", "mapping", "labels",
  ]

  static func keys(of kind: DatasetSpecification.Kind) -> [String] {
    switch kind {
    case .cifar10C, .cifar100C: ["corruption", "severity"]
    case .arrays: ["images", "labels"]
    case .imageNetC: encoded + ["corruption", "severity"]
    case _ where kind.isEncoded: encoded
    default: []
    }
  }

  /// - Throws: `DataError.unknownDataset`, naming every option that the kind does not have.
  static func parse(_ text: String, for kind: DatasetSpecification.Kind) throws(DataError) -> [String: String] {
    let known = keys(of: kind)
    var options: [String: String] = [:]
    var unknown: [String] = []
    for part in text.split(separator: "&") {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      if pair.count == 2, known.contains(pair[0]), !pair[1].isEmpty, options[pair[0]] == nil {
        options[pair[0]] = pair[1]
      } else {
        unknown.append(String(part))
      }
    }
    guard unknown.isEmpty else {
      throw DataError(
        .unknownDataset, "\(kind.rawValue) has no option \(unknown.joined(separator: ", "))",
        expected: known.isEmpty ? "none" : known.map { $0 + "=…" }.joined(separator: ", "))
    }
    return options
  }
}

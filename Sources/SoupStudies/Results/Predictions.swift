import SoupCheckpoints

/// What a model did on each image: the rows of a scoring's `predictions.safetensors` that belong to it.
struct Predictions: Sendable {
  /// For each image, in 0…1: right or not, or the fraction of its versions that are right.
  let correct: [Double]

  /// - Parameter versions: rows of the model, at the end of the file: 1, or one for each corruption and severity.
  /// - Returns: nil where the file is missing, is not one, or has fewer rows: then nothing is known image by image.
  init?(contentsOf path: String, versions: Int = 1) {
    guard versions > 0, let file = try? Checkpoint(contentsOf: path), let tensor = try? file.tensor("correct"),
      tensor.dtype == .uint8, tensor.shape.count == 2, tensor.shape[0] >= versions, tensor.shape[1] > 0
    else { return nil }
    let (rows, images) = (tensor.shape[0], tensor.shape[1])
    correct = tensor.withUnsafeBytes { bytes in
      (0..<images).map { image in
        var right = 0
        for row in rows - versions..<rows where bytes[row * images + image] != 0 { right += 1 }
        return Double(right) / Double(versions)
      }
    }
  }
}

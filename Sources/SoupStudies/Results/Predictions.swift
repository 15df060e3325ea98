import Foundation
import SoupCheckpoints

/// What a model did on each image: the rows of a scoring's `predictions.safetensors` that belong to it.
struct Predictions: Sendable {
  /// For each image, in 0…1: right or not, or the fraction of its versions that are right.
  let correct: [Double]

  /// - Parameter versions: rows of the model, at the end of the file: 1, or one for each corruption and severity. Rows of the images
  ///   as they are, which the metadata calls `clean`, are none of them.
  /// - Returns: nil where the file is missing, is not one, or has fewer rows: then nothing is known image by image.
  init?(contentsOf path: String, versions: Int = 1) {
    guard versions > 0, let file = try? Checkpoint(contentsOf: path), let tensor = try? file.tensor("correct"),
      tensor.dtype == .uint8, tensor.shape.count == 2, tensor.shape[0] >= versions, tensor.shape[1] > 0
    else { return nil }
    let images = tensor.shape[1]
    let names = file.metadata["corruptions"].flatMap { try? JSONDecoder().decode([String].self, from: Data($0.utf8)) }
    let shifted = (0..<tensor.shape[0]).filter { names?.count != tensor.shape[0] || names?[$0] != "clean" }
    let rows = shifted.suffix(versions)
    guard rows.count == versions else { return nil }
    correct = tensor.withUnsafeBytes { bytes in
      (0..<images).map { image in
        var right = 0
        for row in rows where bytes[row * images + image] != 0 { right += 1 }
        return Double(right) / Double(versions)
      }
    }
  }
}

import Foundation

/// What SciPy and scikit-learn say (Tools/reference_similarity.py), as far as a suite reads it.
func similarityFixture<Part: Decodable>() -> Part {
  var url = URL(filePath: #filePath)
  for _ in 0..<2 { url.deleteLastPathComponent() }
  let data = try! Data(contentsOf: url.appending(path: "Fixtures/analysis/similarity.json"))
  let decoder = JSONDecoder()
  decoder.keyDecodingStrategy = .convertFromSnakeCase
  return try! decoder.decode(Part.self, from: data)
}

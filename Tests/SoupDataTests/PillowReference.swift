import Foundation
import SoupData

/// What `Tools/reference_images.py` wrote.
struct PillowReference: Decodable {
  struct Image: Decodable {
    let width: Int
    let height: Int
    let pixels: Data
    var image: PixelImage { PixelImage(width: width, height: height, pixels: Array(pixels)) }
  }
  struct Decoding: Decodable {
    let name: String
    let file: Data
    let width: Int
    let height: Int
    let pixels: Data
    let upright: Image?
    var image: PixelImage { PixelImage(width: width, height: height, pixels: Array(pixels)) }
    var bytes: [UInt8] { Array(file) }
  }
  struct Encoding: Decodable {
    let quality: Int
    let file: Data
  }
  struct Resizing: Decodable {
    let filter: ResizeFilter
    let box: [Float]
    let width: Int
    let height: Int
    let pixels: Data
  }
  struct Operation: Decodable {
    let name: String
    let value: Double
    let pixels: Data
  }
  let source: Image
  let decode: [Decoding]
  let encode: [Encoding]
  let resize: [Resizing]
  let operations: [Operation]

  static let shared: PillowReference = {
    let path = FashionMNISTTests.root + "/Tests/Fixtures/images/pillow.json"
    return try! JSONDecoder().decode(PillowReference.self, from: Data(contentsOf: URL(filePath: path)))
  }()

  static func file(_ name: String) -> [UInt8] { shared.decode.first { $0.name == name }!.bytes }
}

/// The largest difference of two images' bytes.
func largestDifference(_ a: some Sequence<UInt8>, _ b: some Sequence<UInt8>) -> Int {
  zip(a, b).map { abs(Int($0) - Int($1)) }.max() ?? 0
}

import Foundation

/// One part of a set of image files, found as its specification says.
struct EncodedSet {
  let images: any EncodedImages
  private let specification: DatasetSpecification
  private let subset: [Int]?

  init(
    _ specification: DatasetSpecification, part: DatasetSpecification.Part, candidates: [String]
  ) throws(DataError) {
    self.specification = specification
    let options = specification.options
    let kind = specification.kind
    var classes = try options["classes"].map { path throws(DataError) in try ClassList.read(path) }
    let name = "\(kind.rawValue) \(part.rawValue)"
    var found: any EncodedImages
    var subset: [Int]?
    switch kind {
    case .manifest:
      try Self.checkPart(specification, part, of: candidates[0])
      found = try ImageManifest.read(candidates[0], classes: classes)
    case .wds:
      try Self.checkPart(specification, part, of: candidates[0])
      found = try WebDataset(WebDataset.shards(candidates[0]), name: name, classNames: classes)
    default:
      let root = try Self.root(kind, candidates)
      let folder = try Self.folder(specification, part: part, root: root)
      // What `soup data corrupt` leaves beside folders, which may be of some of the classes alone.
      let list = root + "/classes.txt"
      if kind == .imageNetC, classes == nil, FileManager.default.fileExists(atPath: list) {
        classes = try ClassList.read(list)
      }
      if kind == .imageNetV2 {
        // Its folders are the positions in ImageNet's list; sorted as text they would be in another order.
        let classes = classes ?? (0..<1000).map(String.init)
        let mapping = Dictionary(uniqueKeysWithValues: classes.indices.map { (String($0), $0) })
        found = try ShiftFolder(folder, name: name, classes: classes, mapping: mapping).images
      } else if let classes {
        let mapping = try options["mapping"].map { path throws(DataError) in
          try ClassList.mapping(path, classes: classes)
        }
        let shift = try ShiftFolder(folder, name: name, classes: classes, mapping: mapping)
        // All of ImageNet-C's classes take part in its scores, also in a copy that has images of some.
        subset = shift.subset.count < classes.count && kind != .imageNetC ? shift.subset : nil
        found = shift.images
      } else {
        guard ![.imageNetR, .imageNetA, .objectNet].contains(kind), options["mapping"] == nil else {
          throw DataError(
            .invalidRequest, file: folder, "has some of the classes that a model knows, or other names for them",
            expected: "the model's classes, one on each line: ?classes=FILE"
              + (kind == .objectNet ? "&mapping=FILE with lines folder,class" : ""))
        }
        found = try Self.divided(folder, root: root, name: name)
      }
    }
    if let labels = options["labels"] { found = try MultiLabelImages(found, labels: labels) }
    images = found
    self.subset = subset
  }

  /// The classes of a test part are those of the training part beside it: with fewer folders, labels would mean others.
  private static func divided(_ folder: String, root: String, name: String) throws(DataError) -> ImageFiles {
    let train = root + "/train"
    guard folder != root, folder != train, isFolder(train) else { return try ImageFolder.read(folder, name: name) }
    let shift = try ShiftFolder(folder, name: name, classes: ImageFolder.folders(in: train))
    guard shift.ignored.isEmpty else {
      throw DataError(
        .labelOutOfRange, file: folder, "\(shift.ignored.count) class folders are not in the training part",
        found: ImageFolder.list(shift.ignored))
    }
    return shift.images
  }

  func dataset(threads: Int) throws -> TransformedImages {
    let options = specification.options
    func number(_ key: String, _ standard: Int) throws(DataError) -> Int {
      guard let text = options[key] else { return standard }
      guard let value = Int(text), (1...1 << 14).contains(value) else {
        throw DataError(.invalidRequest, "'\(key)=\(text)' is no number of pixels", expected: "1 to 16384")
      }
      return value
    }
    func choice<T: RawRepresentable & CaseIterable>(_ key: String, _ standard: T) throws(DataError) -> T
    where T.RawValue == String {
      guard let text = options[key] else { return standard }
      guard let value = T(rawValue: text) else {
        throw DataError(
          .invalidRequest, "'\(key)=\(text)' is unknown",
          expected: T.allCases.map(\.rawValue).joined(separator: ", "))
      }
      return value
    }
    let size = try number("size", 224)
    // 256 for 224, as torchvision's and most others' recipes.
    let shorter = try number("resize", size * 8 / 7)
    let filter = try choice("filter", ResizeFilter.bilinear)
    let view = try choice("view", TrainingView.flip)
    var globalViews = 2
    if let text = options["global-views"] {
      guard let value = Int(text), (1...64).contains(value) else {
        throw DataError(.invalidRequest, "'global-views=\(text)' is no number of views", expected: "1 to 64")
      }
      globalViews = value
    }
    let transforms = try view.transforms(size: size, shorter: shorter, globalViews: globalViews)
    let orientation = try choice("orientation", OrientationPolicy.stored)
    return try TransformedImages(
      images, evaluation: ImageTransform(.centre(shorter: max(shorter, size), size: size, filter: filter)),
      training: transforms[0],
      codec: ImageCodec(appliesOrientation: orientation == .apply),
      badImages: choice("bad", BadImagePolicy.error), classSubset: subset, threads: threads,
      otherViews: Array(transforms.dropFirst()))
  }

  private enum OrientationPolicy: String, CaseIterable { case stored, apply }

  private static func root(_ kind: DatasetSpecification.Kind, _ candidates: [String]) throws(DataError) -> String {
    guard let root = candidates.first(where: isFolder) else {
      throw DataError(
        .notFound, "the folder of \(kind.rawValue) was not found",
        expected: candidates.count == 1 ? candidates[0] : "one of " + candidates.joined(separator: ", "))
    }
    return root
  }

  /// The folder whose folders are classes.
  private static func folder(
    _ specification: DatasetSpecification, part: DatasetSpecification.Part, root: String
  ) throws(DataError) -> String {
    let kind = specification.kind
    if !kind.hasTrainingImages {
      guard part == .test else {
        throw DataError(.invalidRequest, file: root, "\(kind.rawValue) has no training images")
      }
      guard kind == .imageNetC else {
        // Archives unpack to a folder of their own.
        let inner = [
          "imagenet-r", "sketch", "imagenet-a", "imagenetv2-matched-frequency-format-val", "images",
          "objectnet-1.0/images",
        ]
        return inner.map { root + "/" + $0 }.first(where: isFolder) ?? root
      }
      let options = specification.options
      guard let corruption = options["corruption"], let severity = options["severity"] else {
        throw DataError(
          .invalidRequest, file: root, "imagenet-c needs to know which corruption",
          expected: "?corruption=fog&severity=3")
      }
      // The archives are of groups of corruptions.
      let groups = ["", "noise/", "blur/", "weather/", "digital/", "extra/"]
      guard let folder = groups.map({ "\(root)/\($0)\(corruption)/\(severity)" }).first(where: isFolder) else {
        throw DataError(
          .notFound, file: root, "has no \(corruption) of severity \(severity)", expected: "\(corruption)/\(severity)/")
      }
      return folder
    }
    let names = part == .train ? ["train"] : ["val", "test", "validation"]
    if let folder = names.map({ root + "/" + $0 }).first(where: isFolder) { return folder }
    if ["train", "val", "test", "validation"].contains(where: { isFolder(root + "/" + $0) }) {
      throw DataError(
        .notFound, file: root, "has no \(part.rawValue) part",
        expected: names.map { $0 + "/" }.joined(separator: " or "))
    }
    try checkPart(specification, part, of: root)
    return root
  }

  /// What is not divided is one part only: images that were trained on must not pass for a test.
  private static func checkPart(
    _ specification: DatasetSpecification, _ part: DatasetSpecification.Part, of path: String
  ) throws(DataError) {
    let declared = specification.options["part"] ?? "train"
    guard declared == part.rawValue || declared == "both" else {
      throw DataError(
        .notFound, file: path, "has no \(part.rawValue) part: undivided, it is taken for \(declared)",
        advice: "If it is meant for that: ?part=\(part.rawValue), or ?part=both")
    }
  }

  private static func isFolder(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
  }
}

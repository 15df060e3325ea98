import Foundation
import SoupData
import SoupTensors
import Testing

@Suite struct EncodedImagesTests {
  let folder: TemporaryFolder
  let jpeg = PillowReference.file("baseline.jpg")
  let png = PillowReference.file("colour.png")

  init() throws { folder = try TemporaryFolder() }

  private func open(_ text: String, _ part: DatasetSpecification.Part = .test) throws -> any ImageDataset {
    try DatasetSpecification(parsing: text).open(part, environment: [:], currentDirectory: folder.path)
  }

  private func code(_ text: String, _ part: DatasetSpecification.Part = .test) -> (DataError.Code, String)? {
    do {
      _ = try open(text, part)
      return nil
    } catch let error as DataError {
      return (error.code, error.description)
    } catch {
      Issue.record(error)
      return nil
    }
  }

  private func pixels(_ set: any ImageDataset, _ index: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: set.pixelCount) { buffer, count in
      count = set.pixelCount
      try set.copyPixels(at: index, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
    }
  }

  @Test func aFolderOfClassesIsInTheOrderOfItsBytes() throws {
    for name in ["b/2.jpg", "b/10.JPEG", "B/1.png", "a/deep/x.jpg", "a/z.PNG", "a/notes.txt", "a/.hidden.jpg"] {
      try folder.write(name.lowercased().hasSuffix("png") ? png : jpeg, to: "train/" + name)
    }
    let set = try open("imagefolder:.?size=16", .train)
    #expect(set.classNames == ["B", "a", "b"])
    #expect((0..<set.count).map { set.label(at: $0) } == [0, 1, 1, 2, 2])
    #expect(set.channels == 3 && set.height == 16 && set.width == 16)
    let images = try #require(
      try DatasetSpecification(parsing: "imagefolder:.").encoded(
        .train, environment: [:], currentDirectory: folder.path))
    let sources: [String] = (0..<images.count).map { index in
      images.source(at: index).split(separator: "/").suffix(2).joined(separator: "/")
    }
    #expect(sources == ["B/1.png", "a/z.PNG", "deep/x.jpg", "b/10.JPEG", "b/2.jpg"])
    #expect(code("imagefolder:.")?.0 == .notFound)
  }

  @Test func labelsOfATestPartAreThoseOfTheTrainingPart() throws {
    for name in ["train/a/1.jpg", "train/b/1.jpg", "train/c/1.jpg", "val/c/1.jpg"] { try folder.write(jpeg, to: name) }
    let set = try open("imagefolder:.?size=16")
    #expect(set.classNames == ["a", "b", "c"] && set.label(at: 0) == 2)
    try folder.write(jpeg, to: "val/new/1.jpg")
    #expect(code("imagefolder:.")?.1.contains("new") == true)
  }

  @Test func anUndividedFolderIsTrainingUnlessDeclared() throws {
    try folder.write(jpeg, to: "set/a/1.jpg")
    #expect(try open("imagefolder:set?size=16", .train).count == 1)
    #expect(code("imagefolder:set")?.1.contains("?part=test") == true)
    #expect(try open("imagefolder:set?size=16&part=test").count == 1)
    #expect(code("imagefolder:set?part=test", .train) != nil)
  }

  @Test func classFoldersWithoutImagesAreAllNamed() throws {
    try folder.write(jpeg, to: "set/a/1.jpg")
    try folder.write([1], to: "set/empty1/readme.txt")
    try folder.write([1], to: "set/empty2/readme.txt")
    let error = try #require(code("imagefolder:set?part=test"))
    #expect(error.0 == .notFound && error.1.contains("empty1, empty2"))
    try FileManager.default.createDirectory(atPath: folder.path + "/none", withIntermediateDirectories: true)
    #expect(code("imagefolder:none?part=test")?.1.contains("no class folders") == true)
  }

  @Test func badImagesStopOrAreSkippedCountedAndNamed() throws {
    try folder.write(jpeg, to: "set/a/good.jpg")
    try folder.write(jpeg.dropLast(60), to: "set/a/short.jpg")
    try folder.write([], to: "set/b/empty.png")
    try folder.write(png, to: "set/b/good.png")
    let strict = try open("imagefolder:set?part=test&size=16")
    #expect(strict.count == 4)
    let error = try #require(throws: DataError.self) { try pixels(strict, 1) }
    #expect(error.file?.hasSuffix("set/a/short.jpg") == true && error.description.contains("bad=skip"))

    let lenient = try #require(try open("imagefolder:set?part=test&size=16&bad=skip") as? TransformedImages)
    #expect(lenient.count == 2)
    #expect(lenient.skipped.map { $0.source.split(separator: "/").last! } == ["short.jpg", "empty.png"])
    #expect((0..<2).map { lenient.label(at: $0) } == [0, 1])
    for index in 0..<2 { #expect(try pixels(lenient, index).count == 16 * 16 * 3) }
  }

  @Test func evaluationIsTheCentreAndTrainingIsDrawnFromTheSeed() throws {
    for index in 0..<6 { try folder.write(jpeg, to: "set/\(index % 2)/\(index).jpg") }
    let set = try open("imagefolder:set?part=both&size=16&resize=18&view=3-augment")
    #expect(set.drawsViews)
    let first = try pixels(set, 0)
    let transform = try ImageTransform(.centre(shorter: 18, size: 16))
    var expected = [UInt8](repeating: 0, count: transform.byteCount)
    try expected.withUnsafeMutableBufferPointer { buffer in
      _ = try jpeg.withUnsafeBytes {
        try transform.render(
          $0, into: buffer, workspace: ImageWorkspace(), generator: CounterGenerator(seed: 0), name: "")
      }
    }
    #expect(first == expected)

    func epoch(threads: Int, seed: UInt64?, epoch: Int = 0) throws -> [[Float]] {
      let batches = try DataLoader(set, batchSize: 4, shuffleSeed: seed, threads: threads).batches(epoch: epoch)
      var result: [[Float]] = []
      while let batch = try batches.next() {
        result.append(batch.images.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) })
      }
      return result
    }
    #expect(try epoch(threads: 0, seed: 7) == epoch(threads: 3, seed: 7))
    #expect(try epoch(threads: 1, seed: 7) != epoch(threads: 1, seed: 8))
    #expect(try epoch(threads: 1, seed: 7) != epoch(threads: 1, seed: 7, epoch: 1))
    // Without a seed every image is the evaluation's: they are all the same file here.
    let plain = try epoch(threads: 1, seed: nil)
    #expect(Array(plain[0][..<768]) == Array(plain[1][..<768]))
  }

  @Test func severalViewsAreIndependentAndTheFirstIsTheOnlyOne() throws {
    for index in 0..<4 { try folder.write(jpeg, to: "set/a/\(index).jpg") }
    let set = try open("imagefolder:set?size=16&view=3-augment", .train)
    func batch(_ views: Int) throws -> Batch {
      try #require(try DataLoader(set, batchSize: 4, shuffleSeed: 1, views: views).batches(epoch: 0).next())
    }
    let (one, three) = (try batch(1), try batch(3))
    #expect(three.otherViews.count == 2 && one.otherViews.isEmpty)
    func floats(_ tensor: HostTensor) -> [Float] { tensor.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) } }
    #expect(floats(one.images) == floats(three.images))
    #expect(floats(three.images) != floats(three.otherViews[0]))
    #expect(floats(three.otherViews[0]) != floats(three.otherViews[1]))
    #expect(throws: DataError.self) { try DataLoader(set, batchSize: 4, views: 2) }
  }

  @Test(arguments: [(1, nil), (2, nil), (4, "4")] as [(Int, String?)])
  func asManyViewsAreGlobalAsAsked(_ count: Int, _ option: String?) throws {
    try folder.write(jpeg, to: "set/a/0.jpg")
    let plain = try DatasetSpecification(parsing: "imagefolder:\(folder.path)/set?size=16")
    let specification =
      try option.map { try DatasetSpecification(parsing: "\(plain)&view=lejepa&global-views=\($0)") }
      ?? plain.with(.lejepa, globalViews: count)
    let set = try #require(try specification.open(.train) as? TransformedImages)
    let areas = ([set.training] + set.otherViews).map { transform in
      guard case .randomResizedCrop(let crop) = transform.framing else { return 0...0.0 }
      return crop.area
    }
    #expect(areas == Array(repeating: 0.3...1, count: count) + [0.05...0.3])
    #expect(throws: DataError.self) {
      try DatasetSpecification(parsing: "\(plain)&view=lejepa&global-views=0").open(.train)
    }
  }

  @Test func aPipelineNeverRunsFurtherAheadThanAllowed() throws {
    for index in 0..<24 { try folder.write(jpeg, to: "set/a/\(index).jpg") }
    let set = try open("imagefolder:set?size=16", .train)
    let batches = try DataLoader(set, batchSize: 2, shuffleSeed: 1, threads: 3, prefetch: 3).batches(epoch: 0)
    while try batches.next() != nil { usleep(2000) }
    let statistics = batches.statistics
    #expect(statistics.batches == 12)
    #expect(statistics.mostReady <= 3)
    #expect(statistics.heldBack > 0, "the consumer was slower")
    #expect(statistics.preparing > 0)
  }

  // MARK: shifts

  @Test func aShiftFolderHasLabelsOfTheModelsClasses() throws {
    for name in ["n01443537", "n01484850", "n99999999"] { try folder.write(jpeg, to: "r/\(name)/1.jpg") }
    try folder.write(
      Array("n01440764 tench\nn01443537 goldfish\nn01484850 great white shark\n".utf8), to: "classes.txt")
    let set = try open("imagenet-r:r?size=16&classes=\(folder.path)/classes.txt")
    #expect(set.classNames == ["n01440764", "n01443537", "n01484850"])
    #expect((0..<set.count).map { set.label(at: $0) } == [1, 2])
    #expect(set.classSubset == [1, 2])
    #expect(code("imagenet-r:r")?.1.contains("?classes=FILE") == true)
    #expect(code("imagenet-r:r?classes=\(folder.path)/classes.txt", .train)?.0 == .invalidRequest)
  }

  @Test func aMappingMayMergeFolders() throws {
    for name in ["chair", "office chair", "unicorn"] { try folder.write(jpeg, to: "o/\(name)/1.png") }
    try folder.write(Array("seat\ntable\n".utf8), to: "classes.txt")
    try folder.write(Array("folder,class\nchair,seat\noffice chair,0\n".utf8), to: "mapping.csv")
    let options = "classes=\(folder.path)/classes.txt&mapping=\(folder.path)/mapping.csv"
    let set = try open("objectnet:o?size=16&\(options)")
    #expect((0..<set.count).map { set.label(at: $0) } == [0, 0])
    #expect(set.classSubset == [0])
    try folder.write(Array("chair,sofa\nx,sofa\ny,bed\n".utf8), to: "mapping.csv")
    #expect(code("objectnet:o?\(options)")?.0 == .labelOutOfRange)
  }

  @Test func foldersOfImageNetV2AreNumbers() throws {
    for name in ["0", "1", "10", "2"] { try folder.write(jpeg, to: "v2/\(name)/1.jpg") }
    let set = try open("imagenet-v2:v2?size=16")
    #expect((0..<set.count).map { set.label(at: $0) }.sorted() == [0, 1, 2, 10])
    #expect(set.classCount == 1000)
  }

  @Test func corruptionAndSeverityAreFoldersOfImageNetC() throws {
    try folder.write(jpeg, to: "c/weather/fog/3/n01/1.jpg")
    #expect(try open("imagenet-c:c?corruption=fog&severity=3&size=16").count == 1)
    #expect(code("imagenet-c:c?corruption=fog&severity=4")?.0 == .notFound)
    #expect(code("imagenet-c:c")?.0 == .invalidRequest)
    #expect(code("imagenet-c:c?weather=fog")?.0 == .unknownDataset)
  }

  @Test func anyLabelOfTheSetCounts() throws {
    for number in 1...3 { try folder.write(jpeg, to: "val/\(number % 2)/ILSVRC2012_val_0000000\(number).JPEG") }
    try folder.write(Array("[[1, 0], [], [1]]".utf8), to: "real.json")
    let set = try open("imagefolder:.?size=16&labels=\(folder.path)/real.json")
    // The second image has no label; folder 0 comes first.
    #expect(set.count == 2)
    #expect((0..<2).map { set.targets(at: $0) } == [[1, 0], [1]])
    try folder.write(Array("[[1, 7], [], [1]]".utf8), to: "real.json")
    #expect(code("imagefolder:.?labels=\(folder.path)/real.json")?.0 == .labelOutOfRange)
    try folder.write(Array("[[1]]".utf8), to: "real.json")
    #expect(code("imagefolder:.?labels=\(folder.path)/real.json")?.0 == .countMismatch)
  }

  @Test func listsAreReadAsCSVAndAsJSONLines() throws {
    try folder.write(jpeg, to: "a 1.jpg")
    try folder.write(png, to: "b.png")
    try folder.write(Array("path,label\n\"a 1.jpg\",dog\nb.png,cat\n".utf8), to: "list.csv")
    let csv = try open("manifest:list.csv?size=16", .train)
    #expect(csv.classNames == ["cat", "dog"] && csv.label(at: 0) == 1)
    #expect(try pixels(csv, 0).count == 768)
    try folder.write(
      Array("{\"path\": \"a 1.jpg\", \"label\": 4}\n{\"label\": 0, \"path\": \"b.png\"}\n".utf8), to: "list.jsonl")
    let json = try open("manifest:list.jsonl?size=16", .train)
    #expect(json.classCount == 5 && json.label(at: 0) == 4)
    try folder.write(Array("a 1.jpg\nb.png,3\n".utf8), to: "list.csv")
    #expect(code("manifest:list.csv", .train)?.1.contains("line 1") == true)
  }
}

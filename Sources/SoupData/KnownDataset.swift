/// A data set that people know by name: where its files are, and how to tell that they arrived whole.
public struct KnownDataset: Sendable, Hashable {
  public struct File: Sendable, Hashable {
    public let address: String
    /// SHA-256 in hexadecimal; nil where its publishers give none that we know, and the first download is recorded.
    public let sha256: String?
    /// Where the archive unpacks to; nil for files that are used as they are.
    public let unpacks: Unpacking?

    public enum Unpacking: String, Sendable, Hashable { case tar, zip }

    /// The last part of the address.
    public var name: String { String(address.split(separator: "/").last!.split(separator: "?").first!) }

    init(_ address: String, sha256: String? = nil, unpacks: Unpacking? = nil) {
      self.address = address
      self.sha256 = sha256
      self.unpacks = unpacks
    }
  }

  /// What `DatasetSpecification` calls it.
  public let name: String
  public let summary: String
  /// Empty where a login or licence stands in between.
  public let files: [File]
  /// What to do by hand.
  public let howToGet: String

  public static func named(_ name: String) -> KnownDataset? { all.first { $0.name == name } }

  private static func mirror(_ host: String, _ names: [(String, String?)]) -> [File] {
    names.map { File(host + $0.0, sha256: $0.1) }
  }

  /// Every set there is an address or an instruction for.
  public static let all: [KnownDataset] = [
    KnownDataset(
      name: "mnist", summary: "70,000 grey digits of 28 × 28",
      files: mirror(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        [
          ("train-images-idx3-ubyte.gz", "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
          ("train-labels-idx1-ubyte.gz", "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
          ("t10k-images-idx3-ubyte.gz", "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
          ("t10k-labels-idx1-ubyte.gz", "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        ]),
      howToGet: "The four .gz files of https://ossci-datasets.s3.amazonaws.com/mnist/."),
    KnownDataset(
      name: "fashion-mnist", summary: "70,000 grey pictures of clothes, 28 × 28",
      files: mirror(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        [
          "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
          "t10k-labels-idx1-ubyte.gz",
        ].map { ($0, nil) }),
      howToGet:
        "The four .gz files of https://github.com/zalandoresearch/fashion-mnist, or Debian's dataset-fashion-mnist."),
    KnownDataset(
      name: "cifar10", summary: "60,000 pictures of 10 classes, 32 × 32",
      files: [
        File(
          "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
          sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", unpacks: .tar)
      ], howToGet: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz (the binary version), unpacked."),
    KnownDataset(
      name: "cifar100", summary: "60,000 pictures of 100 classes, 32 × 32",
      files: [
        File(
          "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
          sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec", unpacks: .tar)
      ], howToGet: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz (the binary version), unpacked."),
    KnownDataset(
      name: "cifar10-c", summary: "CIFAR-10's test images under 19 corruptions at 5 severities (2.7 GB)",
      files: [File("https://zenodo.org/records/2535967/files/CIFAR-10-C.tar", unpacks: .tar)],
      howToGet: "https://zenodo.org/records/2535967/files/CIFAR-10-C.tar, unpacked."),
    KnownDataset(
      name: "cifar100-c", summary: "CIFAR-100's test images under 19 corruptions at 5 severities (2.7 GB)",
      files: [File("https://zenodo.org/records/3555552/files/CIFAR-100-C.tar", unpacks: .tar)],
      howToGet: "https://zenodo.org/records/3555552/files/CIFAR-100-C.tar, unpacked."),
    KnownDataset(
      name: "imagenet", summary: "1.28 million photographs of 1000 classes; a licence must be accepted", files: [],
      howToGet: "https://www.image-net.org asks for an account: train/ and val/, each with a folder for each class."),
    KnownDataset(
      name: "imagenet-c", summary: "ImageNet's validation images under 19 corruptions (about 75 GB)",
      files: ["blur", "digital", "extra", "noise", "weather"].map {
        File("https://zenodo.org/records/2235448/files/\($0).tar", unpacks: .tar)
      }, howToGet: "https://zenodo.org/records/2235448: blur, digital, extra, noise and weather.tar, unpacked."),
    KnownDataset(
      name: "imagenet-v2", summary: "10,000 new validation photographs (1.2 GB)",
      files: [
        File(
          "https://huggingface.co/datasets/vaishaal/ImageNetV2/resolve/main/imagenetv2-matched-frequency.tar.gz",
          unpacks: .tar)
      ],
      howToGet: "imagenetv2-matched-frequency.tar.gz of https://huggingface.co/datasets/vaishaal/ImageNetV2, unpacked."),
    KnownDataset(
      name: "imagenet-r", summary: "30,000 renditions of 200 classes (2.2 GB)",
      files: [File("https://people.eecs.berkeley.edu/~hendrycks/imagenet-r.tar", unpacks: .tar)],
      howToGet: "https://people.eecs.berkeley.edu/~hendrycks/imagenet-r.tar, unpacked."),
    KnownDataset(
      name: "imagenet-a", summary: "7,500 natural adversarial photographs of 200 classes (0.7 GB)",
      files: [File("https://people.eecs.berkeley.edu/~hendrycks/imagenet-a.tar", unpacks: .tar)],
      howToGet: "https://people.eecs.berkeley.edu/~hendrycks/imagenet-a.tar, unpacked."),
    KnownDataset(
      name: "imagenet-sketch", summary: "50,889 sketches of 1000 classes (7 GB)",
      files: [
        File(
          "https://huggingface.co/datasets/songweig/imagenet_sketch/resolve/main/data/ImageNet-Sketch.zip",
          unpacks: .zip)
      ], howToGet: "ImageNet-Sketch.zip of https://huggingface.co/datasets/songweig/imagenet_sketch, unpacked."),
    KnownDataset(
      name: "objectnet",
      summary: "50,000 photographs of 313 classes; a licence must be accepted",
      files: [], howToGet: "https://objectnet.dev/download.html; its archive opens with the password given there."),
  ]
}

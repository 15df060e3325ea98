// swift-tools-version: 6.1
import Foundation
import PackageDescription

// LibTorch: named by LIBTORCH, or put into .deps/torch by `make setup`. Without it the package still builds everything
// from a checkpoint to a mixed checkpoint; `soup train`, `evaluate` and `season` are then left out of the command.
let environment = ProcessInfo.processInfo.environment
let root = Context.packageDirectory
let files = FileManager.default

let libtorch: String? = {
  let candidates = [environment["LIBTORCH"], root + "/.deps/torch"].compactMap { $0 }.filter {
    !$0.isEmpty && $0 != "none"
  }
  if environment["LIBTORCH"] == "none" { return nil }
  return candidates.first { files.fileExists(atPath: $0 + "/include/torch/csrc/api/include/torch/torch.h") }
}()

// Debian packages unpacked by `make setup` where they could not be installed (no root).
let debian = root + "/.deps/debian/usr"
let multiarch = ["x86_64-linux-gnu", "aarch64-linux-gnu"].first { files.fileExists(atPath: debian + "/lib/" + $0) }
let homebrew = ["/opt/homebrew", "/usr/local"].first { files.fileExists(atPath: $0 + "/include/jpeglib.h") }
let localInclude: [String] =
  (files.fileExists(atPath: debian + "/include") ? ["-I\(debian)/include"] : [])
  + (multiarch.map { ["-I\(debian)/include/\($0)"] } ?? []) + (homebrew.map { ["-I\($0)/include"] } ?? [])
let localLibraries: [String] =
  multiarch.map { ["-L\(debian)/lib/\($0)", "-Xlinker", "-rpath", "-Xlinker", "\(debian)/lib/\($0)"] } ?? []
let imageLibraries: [String] = localLibraries + (homebrew.map { ["-L\($0)/lib"] } ?? [])

// glibc's malloc returns the large blocks of every training step to the kernel and faults them in again; tcmalloc keeps
// them. Measured on ResNet-20: 1.4 times the training speed (Guides/Performance.md).
let tcmalloc: String? = {
  let folders =
    (multiarch.map { [debian + "/lib/" + $0] } ?? []) + [
      "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib",
    ]
  return folders.flatMap { f in ["/libtcmalloc_minimal.so.4", "/libtcmalloc_minimal.so"].map { f + $0 } }.first {
    files.fileExists(atPath: $0)
  }
}()

let tcmallocFlags: [LinkerSetting] =
  tcmalloc.map {
    [.unsafeFlags(localLibraries + ["-Xlinker", "--no-as-needed", $0, "-Xlinker", "--as-needed"])]
  } ?? []

let kernels: [CSetting] = [.unsafeFlags(["-O3", "-ffp-contract=off", "-fno-math-errno"])]

var targets: [Target] = [
  .target(name: "CKernels", cSettings: kernels),
  .target(name: "CImaging", cSettings: kernels),
  .target(
    name: "CZlib", cSettings: [.unsafeFlags(localInclude)],
    linkerSettings: [.linkedLibrary("z"), .unsafeFlags(localLibraries)]),
  .target(
    name: "CImages", cSettings: [.unsafeFlags(localInclude + ["-O3", "-ffp-contract=off", "-fno-math-errno"])],
    linkerSettings: [.linkedLibrary("jpeg"), .linkedLibrary("png"), .unsafeFlags(imageLibraries)]),
  .target(name: "CSystem"),
  .target(name: "SoupTensors", dependencies: ["CKernels"]),
  .target(name: "SoupCheckpoints", dependencies: ["SoupTensors", "CKernels", "CZlib", "CSystem"]),
  .target(name: "SoupData", dependencies: ["SoupTensors", "CImages", "CImaging", "CZlib"]),
  .target(
    name: "SoupMixing",
    dependencies: [
      "SoupTensors", "SoupCheckpoints", "CKernels", .product(name: "Yams", package: "Yams"),
      .product(name: "Crypto", package: "swift-crypto"),
    ]),
  .target(name: "SoupAnalysis", dependencies: ["SoupTensors", "CKernels"]),
  .target(name: "SoupAlignment", dependencies: ["SoupTensors", "CKernels"]),
  .target(
    name: "SoupReports", dependencies: ["SoupAnalysis", .product(name: "Mustache", package: "swift-mustache")],
    resources: [.embedInCode("Resources")]),
]

// Studies keep their results in SQLite; GRDB brings all of Foundation along, which `soup mix` does without.
targets.append(
  .target(
    name: "SoupStudies",
    dependencies: [
      "SoupTensors", "SoupCheckpoints", "SoupAnalysis", .product(name: "GRDB", package: "GRDB.swift"),
      .product(name: "Yams", package: "Yams"),
      .product(name: "Crypto", package: "swift-crypto"),
    ],
    linkerSettings: localLibraries.isEmpty ? [] : [.unsafeFlags(localLibraries)]))

var testTargets = [
  "SoupTensors", "SoupCheckpoints", "SoupData", "SoupMixing", "SoupAnalysis", "SoupReports", "SoupStudies", "SoupCLI",
  "SoupStudyCLI", "SoupAlignment",
]
let argumentParser: Target.Dependency = .product(name: "ArgumentParser", package: "swift-argument-parser")

// Three programs behind one command: loading LibTorch costs 0.2 s and 100 MB, as much as mixing eight ViT-B checkpoints.
// `soup` mixes and inspects without it; for `train`, `evaluate` and `season` it replaces itself by `soup-torch`, for
// `data`, `study`, `report` and `analyze` by `soup-study`.
targets += [
  .target(
    name: "SoupCLI",
    dependencies: ["SoupTensors", "SoupCheckpoints", "SoupMixing", "SoupAlignment", "SoupAnalysis", argumentParser]),
  .executableTarget(name: "soup", dependencies: ["SoupCLI"]),
  // Options of images, of both programs that read them.
  .target(name: "SoupDataCLI", dependencies: ["SoupData", argumentParser]),
  .target(
    name: "SoupStudyCLI",
    dependencies: [
      "SoupCLI", "SoupDataCLI", "SoupTensors", "SoupCheckpoints", "SoupMixing", "SoupData", "SoupStudies",
      "SoupReports",
      "SoupAnalysis",
      argumentParser,
    ]),
  .executableTarget(name: "soup-study", dependencies: ["SoupStudyCLI"]),
]

// The Swift side of `Benchmarks/corruptions.sh` and `Tools/check_corruptions.py`.
targets.append(
  .executableTarget(
    name: "soup-corruptions", dependencies: ["SoupData"], path: "Benchmarks/soup-corruptions"))
// The Swift side of `Benchmarks/pipeline.sh`.
targets.append(
  .executableTarget(name: "soup-pipeline", dependencies: ["SoupData"], path: "Benchmarks/soup-pipeline"))

if let libtorch {
  targets += [
    .target(
      name: "CTorch",
      cxxSettings: [
        .unsafeFlags([
          "-O2", "-isystem", libtorch + "/include", "-isystem", libtorch + "/include/torch/csrc/api/include",
        ])
      ],
      linkerSettings: [
        .unsafeFlags(["-L" + libtorch + "/lib", "-Xlinker", "-rpath", "-Xlinker", libtorch + "/lib"]),
        .linkedLibrary("torch"), .linkedLibrary("torch_cpu"), .linkedLibrary("c10"),
      ]),
    .target(name: "SoupTorch", dependencies: ["SoupTensors", "CTorch"]),
    .target(name: "SoupModels", dependencies: ["SoupTorch", "SoupTensors"]),
    .target(
      name: "SoupTraining", dependencies: ["SoupModels", "SoupTorch", "SoupData", "SoupCheckpoints", "SoupTensors"]),
    .target(
      name: "SoupEvaluation",
      dependencies: [
        "SoupModels", "SoupTorch", "SoupData", "SoupCheckpoints", "SoupMixing", "SoupAnalysis", "SoupTensors",
        "CKernels",
      ]),
    .target(
      name: "SoupSeasoning",
      dependencies: [
        "SoupEvaluation", "SoupModels", "SoupTorch", "SoupData", "SoupMixing", "SoupCheckpoints", "SoupTensors",
        "CKernels",
      ]),
  ]
  targets += [
    .target(
      name: "SoupTorchCLI",
      dependencies: [
        "SoupCLI", "SoupDataCLI", "SoupTensors", "SoupCheckpoints", "SoupMixing", "SoupData", "SoupTorch", "SoupModels",
        "SoupTraining",
        "SoupEvaluation", "SoupSeasoning", "SoupAnalysis", argumentParser,
      ]),
    .executableTarget(
      name: "soup-torch", dependencies: ["SoupTorchCLI"],
      linkerSettings: tcmallocFlags),
  ]
  // The other side of `Benchmarks/run.sh`; linked like `soup-torch`.
  targets.append(
    .executableTarget(
      name: "soup-bench", dependencies: ["SoupModels", "SoupTorch", "SoupTensors"], path: "Benchmarks/soup-bench",
      linkerSettings: tcmallocFlags))
  testTargets += ["SoupTorch", "SoupModels", "SoupTraining", "SoupEvaluation", "SoupSeasoning", "SoupTorchCLI"]
}

// Only for Tools/fuzz.sh: libFuzzer exists where the sanitizers do.
if environment["SOUP_FUZZ"] != nil {
  targets += [
    .executableTarget(
      name: "soup-fuzz", dependencies: ["SoupCheckpoints", "SoupData", "SoupTensors"], path: "Tools/fuzz/soup-fuzz")
  ]
}

for name in testTargets {
  var dependencies: [Target.Dependency] = [.byName(name: name)]
  dependencies += targets.first { $0.name == name }!.dependencies
  if name == "SoupCLI" { dependencies += ["soup", "soup-study"] }
  if name == "SoupModels" { dependencies.append("SoupCheckpoints") }
  if name == "SoupStudyCLI" { dependencies += ["soup", "soup-study"] }
  if name == "SoupTorchCLI" { dependencies += ["soup", "soup-torch", "SoupAlignment"] }
  targets.append(.testTarget(name: name + "Tests", dependencies: dependencies))
}

let package = Package(
  name: "swift-soups",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "soup", targets: ["soup"]),
    .executable(name: "soup-study", targets: ["soup-study"]),
    .library(name: "SoupMixing", targets: ["SoupTensors", "SoupCheckpoints", "SoupMixing"]),
  ]
    + (libtorch == nil
      ? []
      : [
        .executable(name: "soup-torch", targets: ["soup-torch"]),
        .library(
          name: "Soups",
          targets: ["SoupTorch", "SoupData", "SoupModels", "SoupTraining", "SoupEvaluation", "SoupSeasoning"]),
      ]),
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.0.0"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
  ],
  targets: targets,
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx20
)

import ArgumentParser
import SoupTorch

/// Where and in which arithmetic a command computes.
struct DeviceOptions: ParsableArguments {
  @Option(help: ArgumentHelp("cpu, cuda:0, mps, …", valueName: "name"))
  var device = "cpu"

  @Option(
    help: ArgumentHelp(
      "fp32, bf16, or auto: bf16 where this processor multiplies it in hardware.", valueName: "dtype"))
  var precision: PrecisionChoice = .fp32

  @Option(help: ArgumentHelp("Threads of one LibTorch operation. (default: all cores)", valueName: "n"))
  var threads: Int?

  @Option(
    name: .customLong("loader-threads"),
    help: ArgumentHelp(
      "Threads that prepare images; the result does not depend on it. (default: 1)", valueName: "n"))
  var givenLoaderThreads: Int?

  var loaderThreads: Int { givenLoaderThreads ?? 1 }

  enum PrecisionChoice: String, ExpressibleByArgument, CaseIterable {
    case fp32, bf16, auto
  }

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads must be at least 1, found \(threads)") }
    if loaderThreads < 1 { throw ValidationError("--loader-threads must be at least 1, found \(loaderThreads)") }
  }

  /// The device, with the number of threads set.
  func prepare(threads recorded: Int? = nil) throws -> Device {
    if let threads = threads ?? recorded { try Torch.setThreadCount(threads) }
    return try Device(device)
  }

  func precision(on device: Device) -> Precision {
    switch precision {
    case .fp32: .float32
    case .bf16: .bfloat16
    case .auto: device.isCPU ? .fastest : .bfloat16
    }
  }
}

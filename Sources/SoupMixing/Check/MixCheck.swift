import SoupCheckpoints
import SoupTensors

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Everything that speaks against a mix, found before it runs: all problems at once, each with what to do.
///
/// Only headers are read, so the answer comes at once for models of any size; `values` reads the tensors too.
public struct MixCheck: Codable, Sendable {
  /// One ingredient that could be opened.
  public struct Input: Codable, Sendable, Equatable {
    public let path: String
    /// Size of its files in bytes.
    public let bytes: Int
    public let tensors: Int
    public let elements: Int
    /// Names of its tensors' dtypes, the one with most bytes first.
    public let dtypes: [String]
  }

  /// In recipe order, each file once.
  public let inputs: [Input]
  /// Errors first, then warnings, then notes; each in recipe and file order.
  public let findings: [CheckFinding]
  /// Size of the output with its header in bytes; nil if it cannot be planned.
  public let outputBytes: Int?
  /// Bytes that the output needs on its file system while it is written; an old output stays until the new one is whole.
  public let diskBytes: Int?
  /// Free bytes on that file system, for this user; nil without an output.
  public let freeDiskBytes: Int?
  /// Anonymous memory that mixing needs, in bytes.
  public let memoryBytes: Int?
  /// Memory that the system could give without swapping; nil where it does not tell.
  public let freeMemoryBytes: Int?

  /// Whether nothing speaks against the mix.
  public var canMix: Bool { !findings.contains { $0.severity == .error } }

  private enum CodingKeys: String, CodingKey {
    case inputs, findings, outputBytes, diskBytes, freeDiskBytes, memoryBytes, freeMemoryBytes
  }

  /// The plan, when there is one; not part of the JSON.
  public private(set) var plan: MixPlan?

  /// Checks a recipe. Problems are findings, never thrown errors, except for failing to read values.
  /// - Parameters:
  ///   - files: where checkpoints are that lie elsewhere than the recipe says.
  ///   - output: where the soup will be written; nil to leave out everything about it.
  ///   - format: of the output, whatever its name says.
  ///   - shardSize: largest number of tensor bytes in one file of a folder; nil for the standard.
  ///   - replacing: whether an existing output may be replaced.
  ///   - mixer: the settings that the mix will run with.
  ///   - values: also read all tensors: NaN, infinite and all-zero ones, values beyond the output's dtype.
  ///   - progress: called from several threads with the bytes read and the bytes in all.
  /// - Throws: `CheckpointError` while reading values.
  public init(
    _ recipe: Recipe, files: [String: String] = [:], output: String? = nil,
    format: CheckpointWriter.Format? = nil, shardSize: Int? = nil, replacing: Bool = false,
    mixer: Mixer = Mixer(), values: Bool = false,
    progress: (@Sendable (Int, Int) -> Void)? = nil
  ) throws {
    var findings: [CheckFinding] = []
    findings += recipe.problems().map { CheckFinding(.error, .recipe, $0) }
    let names = Dictionary(files.map { ($0.value, $0.key) }, uniquingKeysWith: { first, _ in first })
    let checkpoints = Self.open(recipe.replacing(paths: files), &findings)
    inputs = checkpoints.map { Self.describe($0, name: names[$0.path] ?? $0.path) }
    let plan = Self.plan(recipe, files, readable: Set(checkpoints.map { names[$0.path] ?? $0.path }), &findings)
    let isWhole = !findings.contains { $0.severity == .error }
    self.plan = isWhole ? plan : nil
    let folders = HeaderFindings(checkpoints: checkpoints)
    findings += folders.findings
    if values { findings += try ValueFindings(checkpoints, plan: plan, threads: mixer.threads, progress).findings }

    var destination: CheckpointDestination?
    do throws(CheckpointError) {
      if let output { destination = try CheckpointDestination(output, format: format, shardSize: shardSize) }
    } catch {
      findings.append(CheckFinding(.error, .output, file: error.path, error.detail, advice: error.advice))
    }
    outputBytes = isWhole ? try plan.map { try Self.size(of: $0, at: destination) } : nil
    do {
      memoryBytes = try plan.map { try mixer.memoryBytes(for: $0) }
    } catch {
      memoryBytes = nil
      findings.append(CheckFinding(.error, .memory, (error as? MixError)?.detail ?? "\(error)"))
    }
    freeMemoryBytes = SystemResources.freeMemory
    diskBytes = outputBytes
    freeDiskBytes = output.flatMap { SystemResources.freeDisk(for: $0) }
    if let destination {
      findings += SystemResources.findings(output: destination, needs: outputBytes, replacing: replacing)
    }
    if let memoryBytes, let freeMemoryBytes, memoryBytes > freeMemoryBytes {
      findings.append(
        CheckFinding(
          .error, .memory, "mixing needs \(memoryBytes) bytes of memory, but only \(freeMemoryBytes) are free",
          advice: "give a smaller --max-memory or fewer --threads"))
    }
    findings = findings.map { finding in
      guard let name = finding.file.flatMap({ names[$0] }) else { return finding }
      return CheckFinding(
        finding.severity, finding.code, file: name, tensor: finding.tensor, finding.detail, advice: finding.advice)
    }
    self.findings = CheckFinding.Severity.allCases.flatMap { severity in findings.filter { $0.severity == severity } }
  }

  private static func open(_ recipe: Recipe, _ findings: inout [CheckFinding]) -> [Checkpoint] {
    var seen: Set<String> = []
    var checkpoints: [Checkpoint] = []
    for path in recipe.paths where seen.insert(path).inserted {
      do {
        checkpoints.append(try Checkpoint(contentsOf: path))
      } catch {
        findings.append(CheckFinding(.error, .file, file: error.path, error.detail, advice: error.advice))
      }
    }
    return checkpoints
  }

  private static func describe(_ checkpoint: Checkpoint, name: String) -> Input {
    var bytes: [String: Int] = [:]
    for entry in checkpoint.entries { bytes[entry.dtype.name, default: 0] += entry.byteRange.count }
    return Input(
      path: name, bytes: checkpoint.fileSize, tensors: checkpoint.entries.count,
      elements: checkpoint.entries.reduce(0) { $0 + $1.count },
      dtypes: bytes.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key))
  }

  /// Plans the mix; with damaged ingredients, that of the others, so that their differences are found too.
  private static func plan(
    _ recipe: Recipe, _ files: [String: String], readable: Set<String>, _ findings: inout [CheckFinding]
  ) -> MixPlan? {
    var recipe = recipe
    if !findings.isEmpty {
      // What is wrong is known; how the readable files differ from each other is not.
      let policy = recipe.names
      recipe = .uniform(recipe.ingredients.map(\.path).filter(readable.contains))
      recipe.names = policy
      guard !recipe.ingredients.isEmpty else { return nil }
    }
    do {
      return try MixPlan(recipe, files: files)
    } catch let error as MixError {
      if error.problems.isEmpty { findings.append(CheckFinding(.error, .recipe, error.detail)) }
      findings += error.problems.map { problem in
        let (code, detail, advice) = HeaderFindings.explain(problem)
        return CheckFinding(.error, code, file: problem.file, tensor: problem.tensor, detail, advice: advice)
      }
    } catch let error as CheckpointError {
      findings.append(CheckFinding(.error, .file, file: error.path, error.detail, advice: error.advice))
    } catch {
      findings.append(CheckFinding(.error, .recipe, "\(error)"))
    }
    return nil
  }

  /// Size of the output: the plan knows that of one safetensors file already.
  private static func size(of plan: MixPlan, at destination: CheckpointDestination?) throws -> Int {
    guard let destination, destination.isFolder || destination.format != .safetensors else {
      return plan.layout.fileSize
    }
    return try plan.layout(for: destination).totalSize
  }
}

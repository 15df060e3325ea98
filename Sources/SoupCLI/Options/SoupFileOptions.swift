import ArgumentParser
import SoupCheckpoints
import SoupMixing

/// Where a soup goes and in what form.
struct SoupFileOptions: ParsableArguments {
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp(
      "The soup: *.safetensors, *.pt, *.pth or *.bin; any other name is a folder.", valueName: "output"))
  var path: String?

  @OptionGroup var shards: ShardOptions

  @Flag(name: .long, help: "Replace the output if it exists; it may be one of the ingredients.")
  var force = false

  /// Mixes into the file or folder. What is thrown says what to do on this command line.
  func mix(_ plan: MixPlan, with mixer: Mixer, progress: @escaping @Sendable (MixProgress) -> Void) throws -> MixReport
  {
    let path = path ?? ""
    return try Self.withAdvice {
      let destination = try shards.destination(path)
      let companions =
        destination.isFolder
        ? try FolderCompanions(for: plan, name: Self.name(path), command: "soup mix recipe.yml -o \(Self.name(path))")
        : nil
      return try mixer.mix(plan, to: destination, replacing: force, companions: companions, progress: progress)
    }
  }

  /// Says what to do about an output that exists.
  static func withAdvice<Result>(_ body: () throws -> Result) throws -> Result {
    do {
      return try body()
    } catch let error as CheckpointError where error.code == .exists {
      throw CheckpointError(
        .exists, error.path, error.detail, advice: "name another output, or replace it with --force")
    }
  }

  /// The last part of a path, in letters that a shell leaves alone.
  static func name(_ path: String) -> String {
    let last = path.split(separator: "/").last.map(String.init) ?? "soup"
    let isPlain = last.utf8.allSatisfy { byte in
      (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
        || "._-+".utf8.contains(byte)
    }
    return isPlain && last != "." && last != ".." ? last : "soup"
  }
}

import Foundation
import SoupCheckpoints
import SoupTensors
import Testing

/// Whatever goes wrong, the output is whole or absent, and nothing else is left.
@Suite struct NoPartialOutputTests {
  @Test func aFileLargerThanAllowed() throws {
    let folder = try TemporaryFolder()
    try large(folder)
    let result = try SoupProgram.shell("ulimit -f 100; exec $SOUP mix a a -o soup.safetensors", in: folder.path)
    #expect(result.status == 1 && !result.wasKilled)
    #expect(result.errors.contains("ulimit -f"))
    #expect(try folder.contents == ["a"])
  }

  /// A file system of 64 kB, in a mount namespace of its own.
  @Test(.enabled(if: NoPartialOutputTests.canMount)) func aFullDisk() throws {
    let folder = try TemporaryFolder()
    try large(folder)
    try FileManager.default.createDirectory(atPath: folder["disk"], withIntermediateDirectories: true)
    let script =
      "mount -t tmpfs -o size=64k none disk && { $SOUP mix a a -o disk/soup.safetensors; echo $?; ls -A disk; }"
    let result = try SoupProgram.run("/usr/bin/env", ["unshare", "-rm", "sh", "-c", script], in: folder.path)
    #expect(result.output == "1\n")
    #expect(result.errors.contains("the disk is full"))
  }

  @Test(arguments: ["INT", "TERM", "HUP"]) func aSignal(name: String) throws {
    let folder = try TemporaryFolder()
    try large(folder)
    // Whoever runs the tests may have them ignore signals, which every child would inherit, and respect.
    for number in [SIGINT, SIGTERM, SIGHUP] { signal(number, SIG_DFL) }
    // Many ingredients make the work long; the signal comes as soon as the temporary file is there.
    let script = """
      ( for i in $(seq 500); do
          case "$(ls -A)" in *.partial*) kill -\(name) $$; exit;; esac
          sleep 0.01
        done ) &
      exec $SOUP mix $(yes a | head -n 200) -o soup.safetensors -q
      """
    let result = try SoupProgram.shell(script, in: folder.path)
    let number = ["INT": 2, "TERM": 15, "HUP": 1][name] ?? 0
    #expect(result.wasKilled && Int(result.status) == number)
    #expect(try folder.contents == ["a"])
  }

  static let canMount: Bool = {
    let script = "mount -t tmpfs none /mnt"
    return (try? SoupProgram.run("/usr/bin/env", ["unshare", "-rm", "sh", "-c", script], in: nil))?.status == 0
  }()

  /// 64 MB of zeros that take no room.
  private func large(_ folder: TemporaryFolder) throws {
    let layout = try SafetensorsLayout([.init(name: "x", dtype: .float32, shape: [1 << 24])])
    try Data(layout.header).write(to: URL(filePath: folder["a"]))
    #expect(truncate(folder["a"], layout.fileSize) == 0)
  }
}

import Foundation
import Testing

/// `soup train` becomes `soup-torch train`; shown with a stand-in that prints what it was given.
@Suite struct ForwardingTests {
  @Test(arguments: [
    ["train", "--help"], ["evaluate", "a b", "--", "--version", "-x", ""], ["season", "greedy", "*", "$HOME"],
    ["train"],
  ])
  func argumentsArriveVerbatim(arguments: [String]) throws {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(atPath: SoupProgram.path, toPath: folder["soup"])
    let script = "#!/bin/sh\nfor a in \"$@\"; do printf '<%s>' \"$a\"; done\nexit 7\n"
    #expect(
      FileManager.default.createFile(
        atPath: folder["soup-torch"], contents: Data(script.utf8), attributes: [.posixPermissions: 0o755]))
    let result = try SoupProgram.run(folder["soup"], arguments, in: nil)
    #expect(result.output == arguments.map { "<\($0)>" }.joined())
    #expect(result.status == 7)
    // Found beside the program itself, also when that is reached through a link.
    try FileManager.default.createSymbolicLink(atPath: folder["link"], withDestinationPath: "soup")
    #expect(try SoupProgram.run(folder["link"], arguments, in: "/").output == result.output)
  }

  @Test func withoutLibTorchTheErrorSaysWhatToDo() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(atPath: SoupProgram.path, toPath: folder["soup"])
    let result = try SoupProgram.run(folder["soup"], ["train"], in: nil)
    #expect(result.status == 1)
    #expect(result.errors.contains("soup: error:") && result.errors.contains("make setup"))
  }
}

import Foundation
import SoupCheckpoints
import Testing

/// A mix that was killed without warning is continued, whatever it writes, and gives the bytes of one that was not.
@Suite struct ContinuedOutputTests {
  @Test(arguments: ["soup.safetensors", "soup.pt", "soup"]) func aKilledMixIsContinued(name: String) throws {
    let folder = try TemporaryFolder()
    // 80 MB of zeros that take no room: from 64 MB on there is a journal.
    let layout = try SafetensorsLayout(
      (0..<10).map { .init(name: "x\($0)", dtype: .float32, shape: [1 << 21]) })
    try Data(layout.header).write(to: URL(filePath: folder["a"]))
    #expect(truncate(folder["a"], layout.fileSize) == 0)
    let size = name == "soup" ? " --shard-size 20MB" : ""
    let mix = "$SOUP mix $(yes a | head -n 24) -q --no-lock --threads 1\(size) -o"
    let script = """
      \(mix) \(name) & pid=$!
      for i in $(seq 3000); do
        lines=$(cat .soup*.partial.journal .soup*.folder.partial/.journal 2>/dev/null | wc -l)
        if [ "$lines" -ge 4 ]; then kill -9 $pid; break; fi
        sleep 0.005
      done
      wait $pid; echo $? >&2
      ls -A >&2
      \(mix) \(name) --json
      mkdir other; \(mix) other/\(name)
      diff -r \(name) other/\(name) && ls -A >&2
      """
    let result = try SoupProgram.shell(script, in: folder.path)
    #expect(result.status == 0 && result.errors.contains("137\n"), "\(result.errors)")
    let report = result.outputJSON["report"] as? [String: Any]
    #expect(report?["continuedBytes"] as? Int ?? 0 > 1 << 20)
    #expect(try folder.contents == ["a", "other", name].sorted())
  }
}

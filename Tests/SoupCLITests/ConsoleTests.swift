import SoupCLI
import Testing

@Suite struct FormatTests {
  @Test(arguments: [
    (0, "0 B"), (999, "999 B"), (1000, "1.00 kB"), (9994, "9.99 kB"), (9995, "10.0 kB"), (99_949, "99.9 kB"),
    (999_499, "999 kB"), (999_500, "1.00 MB"), (346_284_744, "346 MB"), (140_000_000_000, "140 GB"),
  ])
  func bytes(count: Int, text: String) { #expect(Format.bytes(count) == text) }

  @Test(arguments: [
    (0, "0"), (999, "999"), (1000, "1,000"), (-1_234_567, "-1,234,567"), (Int.min, "-9,223,372,036,854,775,808"),
  ])
  func count(value: Int, text: String) { #expect(Format.count(value) == text) }

  @Test(
    arguments: [
      (0.12345, 3, "0.123"), (-0.0004, 3, "0.000"), (-1.5, 0, "-2"), (99.995, 2, "100.00"), (.nan, 2, "nan"),
      (-.infinity, 1, "-inf"), (0.05, 2, "0.05"), (12, 0, "12"),
    ] as [(Double, Int, String)])
  func fixed(value: Double, decimals: Int, text: String) { #expect(Format.fixed(value, decimals) == text) }

  @Test(
    arguments: [
      (0, "0"), (0.03125, "0.03125"), (-1.25e-7, "-1.25e-07"), (12.5, "12.5"), (123_456, "123456"), (1e300, "1e+300"),
      (9.9999e-9, "1e-08"), (1234.56, "1235"), (.infinity, "inf"),
    ] as [(Double, String)])
  func significant(value: Double, text: String) { #expect(Format.significant(value) == text) }

  @Test(
    arguments: [
      (0.0004, "1 ms"), (0.05, "50 ms"), (0.26, "0.3 s"), (9.96, "10 s"), (59.4, "59 s"), (59.6, "1 min 00 s"),
      (185, "3 min 05 s"), (7800, "2 h 10 min"), (.infinity, "unknown"),
    ] as [(Double, String)])
  func duration(seconds: Double, text: String) { #expect(Format.duration(seconds) == text) }
}

@Suite struct TableTests {
  @Test func columnsAreAligned() {
    var table = Table([.init("name"), .init("count", .right), .init("note")])
    table.add(["a", "1", "x"])
    table.add(["long name", "1,000"])
    table.addRule()
    table.add(["日本", "é", "wide"])
    #expect(
      table.rendered() == """
        name       count  note
        a              1  x
        long name  1,000
        ──────────────────────
        日本           é  wide
        """)
  }

  @Test(arguments: [("abc", 3), ("", 0), ("日本", 4), ("e\u{301}", 1), ("🍲", 2), ("한글", 4), ("\u{1B}", 0), ("·━", 2)])
  func widths(text: String, width: Int) { #expect(displayWidth(text) == width) }
}

@Suite struct ProgressBarTests {
  @Test func aTerminalShowsABarBelowTheWarnings() {
    let errors = TextStream(capturingWithColumns: 90)
    let console = Console(output: TextStream(capturingWithColumns: nil), errors: errors)
    let bar = console.progress("Mixing", total: 2000, unit: .bytes)
    bar.update(completed: 500)
    #expect(errors.captured.contains("Mixing ") && errors.captured.contains("25 % · 500 B of 2.00 kB"))
    #expect(errors.captured.contains("━") && errors.captured.contains(" left"))
    console.warn("careful")
    #expect(errors.captured.contains("\r\u{1B}[Ksoup: warning: careful\nMixing "), "the bar is drawn again below")
    bar.finish("Done.")
    #expect(errors.captured.hasSuffix("\r\u{1B}[KDone.\n"))
    for line in errors.captured.split(whereSeparator: { $0 == "\n" || $0 == "\r" }) {
      #expect(displayWidth(String(line.replacing("\u{1B}[K", with: ""))) < 90)
    }
  }

  @Test func aNarrowTerminalIsNotWrapped() {
    let errors = TextStream(capturingWithColumns: 20)
    let bar = Console(errors: errors).progress("A very long label indeed", total: 10, unit: .items("images"))
    bar.update(completed: 5, message: "a very long message")
    let text = errors.captured.replacing("\r\u{1B}[K", with: "")
    #expect(!text.isEmpty && displayWidth(text) == 19)
  }

  @Test func shortWorkElsewhereThanOnATerminalPrintsNoProgress() {
    let errors = TextStream(capturingWithColumns: nil)
    let bar = Console(errors: errors).progress("Mixing", total: 10, unit: .items("images"))
    for index in 1...10 { bar.update(completed: index) }
    bar.finish()
    #expect(errors.captured.isEmpty)
  }

  @Test func jsonEndsWithTheLastValue() {
    let errors = TextStream(capturingWithColumns: nil)
    let bar = Console(style: .json, errors: errors).progress("Reading", total: 10, unit: .items("images"))
    for _ in 1...10 { bar.advance(by: 1) }
    bar.finish()
    let lines = errors.captured.split(separator: "\n").map { SoupProgram.object(String($0)) }
    #expect(lines.last?["event"] as? String == "progress")
    #expect(lines.last?["completed"] as? Int == 10 && lines.last?["total"] as? Int == 10)
    #expect(lines.last?["unit"] as? String == "images")
  }

  @Test func quietShowsNothingButWarnings() {
    let errors = TextStream(capturingWithColumns: 80)
    let console = Console(isQuiet: true, errors: errors)
    let bar = console.progress("Mixing", total: 10, unit: .bytes)
    bar.update(completed: 5)
    bar.finish("Done.")
    console.note("by the way")
    #expect(errors.captured.isEmpty)
    console.warn("careful")
    #expect(errors.captured.contains("careful"))
  }
}

@Suite struct ConsoleTests {
  @Test func jsonIsOneSortedLineAndKeepsNonFiniteNumbers() throws {
    let output = TextStream(capturingWithColumns: nil)
    try Console(style: .json, output: output).emit(["b": Double.nan, "a": 1, "c": -.infinity])
    #expect(output.captured == #"{"a":1,"b":"nan","c":"-inf"}"# + "\n")
  }

  @Test func eventsAreJSONToo() throws {
    let errors = TextStream(capturingWithColumns: nil)
    let console = Console(style: .json, errors: errors)
    console.warn("a \"quoted\" word")
    console.fail("no")
    let events = errors.captured.split(separator: "\n").map { SoupProgram.object(String($0)) }
    #expect(events.map { $0["event"] as? String } == ["warning", "error"])
    #expect(events[0]["message"] as? String == "a \"quoted\" word")
  }
}

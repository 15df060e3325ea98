import Foundation
import SoupAnalysis
import SoupReports
import Testing

@Suite struct ValueTests {
  @Test func aScoreOnImagesHasWilsonsInterval() throws {
    let interval = try #require(Measurement(accuracy: 0.8, count: 10).interval)
    #expect(abs(interval.lower - 0.4901625) < 1e-6 && abs(interval.upper - 0.9433178) < 1e-6)
    #expect(Measurement(accuracy: 0.8).interval == nil && Measurement(accuracy: 0.8, count: 0).interval == nil)
  }

  @Test func theMeanOverSetsHasTheirVarianceOverTheSquareOfTheirNumber() {
    let one = Interval(meanOf: [(0.5, 100)])
    #expect(abs(one.halfWidth - 1.959964 * 0.05) < 1e-6)
    let four = Interval(meanOf: Array(repeating: (0.5, 100), count: 4))
    #expect(abs(four.halfWidth - one.halfWidth / 2) < 1e-12)
    #expect(abs(four.lower + four.upper - 1) < 1e-12)
  }

  @Test func jsonSurvivesAndCannotEndAScript() throws {
    let value: JSON = ["a": [1, 2.5, true, nil, "x\"\\\n\u{1}é"], "b": ["c": -1e-9]]
    #expect(try JSON(parsing: value.text) == value)
    let hostile: JSON = ["</script><!--": "\u{2028}<b>"]
    #expect(!hostile.scriptText.contains("<") && !hostile.scriptText.contains("\u{2028}"))
    #expect(try JSON(parsing: hostile.scriptText) == hostile)
    #expect(JSON.number(.nan).text == "null" && JSON.number(3).text == "3")
  }

  @Test func csvQuotesWhatItMust() {
    var table = DataTable(["model", "a.b", "a[b"])
    table.add(["x,\"y\"\nz", 0.25])
    table.add(["plain", 3, "w", "dropped"])
    #expect(table.columns == ["model", "a_b", "a_b_2"])
    #expect(table.csv == "model,a_b,a_b_2\r\n\"x,\"\"y\"\"\nz\",0.25,\r\nplain,3,w\r\n")
    #expect(table.values == [["model": "x,\"y\"\nz", "a_b": 0.25], ["model": "plain", "a_b": 3, "a_b_2": "w"]])
  }

  @Test func differencesAreWrittenInPoints() {
    #expect(Text.points(0.0064) == "+0.64" && Text.points(-0.0041) == "−0.41" && Text.points(-0.00001) == "0.00")
    #expect(Text.list(["a"]) == "a" && Text.list(["a", "b", "c"]) == "a, b and c")
  }
}

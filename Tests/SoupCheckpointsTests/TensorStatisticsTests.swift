import SoupCheckpoints
import SoupTensors
import Testing

@Suite struct TensorStatisticsTests {
  @Test func describesFiniteValuesAndCountsTheOthers() throws {
    let values: [Float] = [3, -4, 0, .nan, .infinity, -.infinity, 1, 0, .nan]
    let found = TensorStatistics(try HostTensor(floats: values, shape: [9]))
    #expect(found.minimum == -4 && found.maximum == 3 && found.mean == 0)
    #expect(found.rms == (26.0 / 5).squareRoot())
    #expect(found.zeroCount == 2 && found.nanCount == 2 && found.infinityCount == 2)
  }

  /// 0, 1, …, n-1 has mean (n-1)/2 and mean square (n-1)(2n-1)/6.
  @Test(arguments: [1, 7, 8, 9, 1023, 1024, 1025, 70_000]) func arithmeticSeries(n: Int) throws {
    let found = TensorStatistics(try HostTensor(integers: (0..<Int64(n)).map { $0 }, shape: [n]))
    #expect(found.minimum == 0 && found.maximum == Double(n - 1))
    #expect(found.mean == Double(n - 1) / 2)
    #expect(found.rms == (Double((n - 1) * (2 * n - 1)) / 6).squareRoot())
  }

  @Test func nothingHasNoMinimum() throws {
    let found = TensorStatistics(try HostTensor(floats: [], shape: [0]))
    #expect(found.minimum == nil && found.mean == nil && found.rms == nil && found.nonFiniteCount == 0)
    #expect(TensorStatistics(try HostTensor(floats: [.nan], shape: [1])).maximum == nil)
  }

  @Test func fileAndMemoryAgree() throws {
    let checkpoint = try Checkpoint(contentsOf: fixture("checkpoints/rounding.safetensors"))
    for entry in checkpoint.entries {
      #expect(try TensorStatistics(entry, of: checkpoint) == TensorStatistics(checkpoint.tensor(entry.name)))
    }
  }
}

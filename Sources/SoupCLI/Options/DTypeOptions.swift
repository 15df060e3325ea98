import ArgumentParser
import SoupTensors

/// The dtype that a soup is stored in.
struct DTypeOptions: ParsableArguments {
  @Option(
    name: .long,
    help: "Store floating-point tensors as float32, float16, bfloat16, float64, float8_e4m3 or float8_e5m2.")
  var dtype: FloatName?
}

/// A floating-point dtype on the command line, in any usual spelling.
struct FloatName: ExpressibleByArgument {
  let dtype: DType

  init?(argument: String) {
    guard let dtype = DType(parsing: argument), dtype.isFloatingPoint else { return nil }
    self.dtype = dtype
  }
}

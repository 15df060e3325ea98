import SoupTensors
import SoupTorch
import Testing

@Suite struct ErrorTests {
  @Test func shapesThatDoNotFitAreRefusedWithTheirSizes() throws {
    let left = try Tensor.zeros(shape: [3, 4])
    let right = try Tensor.zeros(shape: [5, 2])
    let error = #expect(throws: TorchError.self) { try left.matmul(right) }
    #expect(error?.code == .invalidArgument)
    #expect(error?.message.contains("3x4 and 5x2") == true)
    #expect(error?.message.contains("Exception raised from") == false)
  }

  @Test func oneTryCoversAnExpression() throws {
    let a = try Tensor.ones(shape: [2])
    let b = try Tensor.ones(shape: [3])
    #expect(throws: TorchError.self) { try (a + a) * 2 - b / 3 }
    #expect(try ((a + a) * 2 - a / 4).host().floats() == [3.75, 3.75])
  }

  @Test(arguments: ["gpu", "", "cuda:99", "cpu:x"])
  func unknownOrUnavailableDevicesAreNamed(name: String) {
    let error = #expect(throws: TorchError.self) { try Device(name) }
    #expect(error?.message.contains("'\(name)'") == true)
    #expect(error?.message.contains("'cpu' always can") == true)
  }

  @Test func theCPUIsThere() throws { #expect(try Device("cpu") == .cpu) }

  @Test func valuesOfAnotherShapeAreNotCopied() throws {
    let tensor = try Tensor.zeros(shape: [2, 3])
    let values = try HostTensor(floats: [1, 2, 3, 4, 5, 6], shape: [3, 2])
    let error = #expect(throws: TorchError.self) { try tensor.copy(from: values) }
    #expect(error?.message.contains("[3, 2]") == true && error?.message.contains("[2, 3]") == true)
    #expect(try tensor.host().floats() == [0, 0, 0, 0, 0, 0])
  }

  @Test func tooMuchMemoryIsAnErrorAndNotACrash() throws {
    let error = #expect(throws: TorchError.self) { try Tensor.zeros(shape: [1 << 40, 1 << 10]) }
    #expect(error?.code == .outOfMemory)
  }
}

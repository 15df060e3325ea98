import Foundation
import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

/// How a mix runs makes no difference to its bytes, for every method.
@Suite struct EngineTests {
  /// A recipe of each method over a base and three models, with numbers that make it need its whole-tensor statistics.
  private static func recipes(_ paths: [String]) -> [(String, Recipe)] {
    let base = paths[0]
    let models = paths.dropFirst().map { path in
      Recipe.Ingredient(path)
    }
    return MethodName.allCases.map { name in
      var ingredients = models
      var parameters: [String: Setting] = [:]
      switch name {
      case .slerp, .nearswap:
        ingredients = Array(models[..<2])
        parameters["t"] = 0.3
      case .nuslerp: ingredients = Array(models[..<2])
      case .passthrough: ingredients = Array(models[..<1])
      case .ties, .dareLinear, .dareTies: parameters["density"] = 0.4
      case .della, .dellaLinear:
        parameters["density"] = 0.4
        parameters["epsilon"] = 0.1
      case .breadcrumbs, .breadcrumbsTies:
        parameters["density"] = 0.5
        parameters["gamma"] = 0.02
      case .sce: parameters["select_topk"] = 0.6
      case .fisher: for index in ingredients.indices { ingredients[index].importance = paths[index + 1] }
      default: break
      }
      let unweighted: [MethodName] = [
        .karcher, .slerp, .nearswap, .sce, .modelStock, .passthrough, .median, .trimmedMean, .ema, .lawa,
      ]
      for index in ingredients.indices where !unweighted.contains(name) {
        ingredients[index].parameters = ["weight": .init(0.7 + Double(index) / 8)]
      }
      let usesBase = [
        .taskArithmetic, .ties, .dareLinear, .dareTies, .della, .dellaLinear, .breadcrumbs, .breadcrumbsTies, .sce,
        .modelStock, .nearswap, .slerp,
      ].contains(name)
      if name == .slerp || name == .nearswap { ingredients = [Recipe.Ingredient(base), models[0]] }
      return (
        name.rawValue, .named(name, ingredients, base: usesBase ? base : nil, parameters: parameters)
      )
    }
  }

  private func ingredients(_ folder: TemporaryFolder, dtype: DType = .float32) throws -> [String] {
    try (0..<4).map { try folder.network("\($0)", seed: UInt64($0 + 1), dtype: dtype, counter: 1) }
  }

  @Test(arguments: [DType.float32, .bfloat16])
  func threadsMemoryAndInputModeMakeNoDifferenceToAnyMethod(dtype: DType) throws {
    let folder = try TemporaryFolder()
    let paths = try ingredients(folder, dtype: dtype)
    for (name, recipe) in Self.recipes(paths) {
      let plan = try MixPlan(recipe)
      let expected = try Mixer(threads: 1).mix(plan).soup.contents
      #expect(try Mixer(threads: 64).mix(plan).soup.contents == expected, "\(name), 64 threads")
      var mixer = Mixer(threads: 2)
      mixer.inputMode = .mmap
      #expect(try mixer.mix(plan).soup.contents == expected, "\(name), mapped")
      mixer = Mixer(threads: 2)
      mixer.maximumMemory = try Self.least(plan)
      #expect(try mixer.mix(plan).soup.contents == expected, "\(name), little memory")
    }
  }

  /// What the error says is enough, and one byte less is not.
  private static func least(_ plan: MixPlan) throws -> Int {
    var mixer = Mixer(threads: 2)
    mixer.maximumMemory = 1
    do {
      _ = try mixer.mix(plan)
      return 1
    } catch let error as MixError {
      let number = error.detail.split(separator: " ").compactMap { Int($0) }.max() ?? 0
      mixer.maximumMemory = number - 1
      #expect(throws: MixError.self) { try mixer.mix(plan) }
      return number
    }
  }

  @Test func tooLittleMemoryIsAnErrorThatNamesTheLeast() throws {
    let folder = try TemporaryFolder()
    let plan = try MixPlan(.uniform(try ingredients(folder)))
    var mixer = Mixer(threads: 4)
    mixer.maximumMemory = 1_000_000
    let error = #expect(throws: MixError.self) { try mixer.mix(plan) }
    #expect(error?.code == .memory)
    #expect(error?.detail.contains("--max-memory") == true)
  }

  /// Ranks of a row that does not fit into the allowed memory are made in a temporary file.
  @Test func rowsLongerThanTheMemoryGiveTheSameBytes() throws {
    let folder = try TemporaryFolder()
    let paths = try (0..<3).map { index in
      var numbers = Numbers(seed: UInt64(index))
      return try folder.write("\(index)", [("row", HostTensor(floats: numbers.floats(1_500_000), shape: [1_500_000]))])
    }
    let recipe = Recipe.named(
      .dellaLinear, paths.dropFirst().map { Recipe.Ingredient($0) }, base: paths[0],
      parameters: ["weight": 1, "density": 0.4, "epsilon": 0.1])
    let plan = try MixPlan(recipe)
    var mixer = Mixer(threads: 2)
    mixer.maximumMemory = 4_000_000_000
    let expected = try mixer.mix(plan).soup.contents
    mixer.maximumMemory = try Self.least(plan)
    #expect(try mixer.mix(plan).soup.contents == expected)
  }

  @Test func manyIngredientsFitIntoTheDefaultMemory() throws {
    let folder = try TemporaryFolder()
    let paths = try (0..<100).map { index in
      try folder.write(
        "\(index)", [("x", HostTensor(floats: Array(repeating: Float(index), count: 3000), shape: [3000]))])
    }
    let soup = try Mixer(threads: 64).mix(.uniform(paths))
    #expect(soup["x"]?.floats() == Array(repeating: 49.5, count: 3000))
  }
}

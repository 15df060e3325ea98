import Foundation
import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

/// The grammar of recipe files: what it means, and what is refused by name.
@Suite struct RecipeFileTests {
  private let models = (1...3).map { fixture("merges/m\($0).float32.safetensors") }
  private var list: String { models.map { "- {model: \($0), parameters: {weight: 1}}" }.joined(separator: "\n") }

  private func error(_ yaml: String) -> String {
    do {
      _ = try RecipeFile(yaml: yaml)
      return ""
    } catch { return "\(error)" }
  }

  /// Grammar of mergekit that changes a soup, or a model's files, in ways that this program does not.
  @Test(arguments: [
    ("tokenizer_source: union", "'tokenizer_source': tokenizers are not changed"),
    ("tokenizer: {source: base}", "'tokenizer': tokenizers are not changed"),
    ("chat_template: auto", "'chat_template': chat templates are not changed"),
    ("modules: {text: {}}", "'modules': parts with layers of their own"),
    ("experts: []", "'experts': mixtures of experts"), ("gate_mode: hidden", "'gate_mode': mixtures of experts"),
    ("residual_weight: 1", "'residual_weight'"), ("dtype: int8", "'dtype' is 'int8'"),
    ("merge_methods: x", "unknown key 'merge_methods'; known are merge_method, models"),
    ("names: loose", "'names' is 'loose'; it may be strict, intersection, union"),
    ("parameters: {densty: 1}", "linear has no parameter densty; it has weight, normalize"),
    ("parameters: {normalize: maybe}", "'normalize' is 'maybe', not a number"),
    ("parameters: {weight: .nan}", "'weight' is '.nan', not a number"),
    ("parameters: {weight: []}", "'weight' is an empty list"), ("slices: []", "either 'models' or 'slices'"),
    ("base_model: org/some-model", "'org/some-model' does not exist; models are read from disk"),
    ("base_model: a+lora", "LoRA adapters are not supported"), ("rest: none.pt", "'none.pt' does not exist"),
    ("stages: []", "stands beside 'stages'"),
  ])
  func whatIsNotSupportedIsNamedWithItsLine(line: String, message: String) {
    let text = error("merge_method: linear\nmodels:\n\(list)\n\(line)\n")
    #expect(text.contains(message), "\(text)")
    #expect(text.contains(line.hasPrefix("stages") ? "recipe:1: " : "recipe:6: ") || text.contains("recipe:1: "))
  }

  @Test func everyProblemIsListed() {
    let text = error(
      """
      merge_method: ties
      models:
      - model: \(models[0])
        parameters: {weight: 1, density: -1, t: 1}
        lora: x
      - {model: nothing.pt}
      tokenizer_source: base
      """)
    for problem in [
      "has 5 problems", "recipe:4: density is -1; it must be 0 or more", "recipe:4: ties has no parameter t",
      "recipe:5: 'lora'", "recipe:6: 'nothing.pt' does not exist", "recipe:7: 'tokenizer_source'",
    ] { #expect(text.contains(problem), "\(text)") }
    let numbers = error("merge_method: ties\nmodels:\n- {model: \(models[0])}\n- {model: \(models[1])}")
    for problem in ["ties needs a base", "needs 'weight' for '\(models[0])'", "needs 'weight' for '\(models[1])'"] {
      #expect(numbers.contains(problem), "\(numbers)")
    }
    let global = error(
      "merge_method: ties\nbase_model: \(models[2])\nmodels:\n- {model: \(models[0]), parameters: {weight: 1, lambda: 2}}"
    )
    #expect(global.contains("lambda is one number for all models"))
  }

  @Test(
    arguments: [
      ("slerp", "parameters: {t: 1}", "slerp needs a base"), ("karcher", "", ""), ("passthrough", "", "not 3"),
      ("nuslerp", "parameters: {weight: 1}", "nuslerp takes two models"), ("fisher", "", "needs an importance"),
      ("model_stock", "base_model: BASE", ""), ("linear", "base_model: BASE\nmask: x", "unknown key 'mask'"),
      ("median", "rest: BASE", "only with names: intersection"), ("ema", "parameters: {decay: 2}", "from 0 to 1"),
      ("lawa", "parameters: {window: 0.5}", "window is 0.5; it must be a whole number from 1"),
    ])
  func aMethodsNeedsAreChecked(method: String, more: String, problem: String) {
    let list = models.map { "- {model: \($0)}" }.joined(separator: "\n")
    let base = fixture("merges/base.float32.safetensors")
    let text = error("merge_method: \(method)\nmodels:\n\(list)\n\(more.replacing("BASE", with: base))\n")
    #expect(problem.isEmpty ? text.isEmpty : text.contains(problem), "\(text)")
  }

  /// One layer gets `t = 1`, tensors outside the layers `t = 0`; straight lines between.
  @Test func gradientsAndFiltersFollowMergekit() throws {
    let folder = try TemporaryFolder()
    let names = ["embed.w"] + (0..<5).flatMap { ["layers.\($0).attn.w", "layers.\($0).mlp.w"] } + ["norm.w"]
    func write(_ name: String, _ value: Float) throws -> String {
      try folder.write(name, names.map { ($0, try HostTensor(floats: [value], shape: [1])) })
    }
    let (zero, one) = (try write("zero", 0), try write("one", 1))
    let yaml = """
      merge_method: slerp
      base_model: \(zero)
      models: [{model: \(one)}]
      parameters:
        t:
        - {filter: attn, value: [0, 1, 0.5]}
        - value: 0.25
      """
    let soup = try Mixer().mix(#require(RecipeFile(yaml: yaml).stages.first).recipe)
    // A zero vector makes a right angle: sin(t·π/2).
    for (layer, t) in [0, 0.5, 1, 0.75, 0.5].enumerated() {
      let value = try #require(soup["layers.\(layer).attn.w"]).doubles()[0]
      #expect(abs(value - sin(t * .pi / 2)) < 1e-6, "layer \(layer): \(value)")
    }
    for name in ["embed.w", "norm.w", "layers.3.mlp.w"] {
      #expect(abs(try #require(soup[name]).doubles()[0] - sin(0.25 * .pi / 2)) < 1e-6)
    }
  }

  @Test func slicesStackLayers() throws {
    let folder = try TemporaryFolder()
    let names = ["embed.w"] + (0..<4).map { "layers.\($0).w" } + ["head.w"]
    func write(_ name: String, _ offset: Float) throws -> String {
      try folder.write(
        name, names.enumerated().map { ($1, try HostTensor(floats: [offset + Float($0)], shape: [1])) })
    }
    let (a, b) = (try write("a", 0), try write("b", 100))
    let yaml = """
      merge_method: passthrough
      slices:
      - sources: [{model: \(a), layer_range: [0, 3]}]
      - sources: [{model: \(b), layer_range: [2, 4], parameters: {scale: 2}}]
      """
    let recipe = try #require(RecipeFile(yaml: yaml).stages.first).recipe
    let soup = try Mixer().mix(recipe)
    #expect(
      soup.map { "\($0.name) \($0.tensor.floats()[0])" }.sorted() == [
        "embed.w 0.0", "head.w 210.0", "layers.0.w 1.0", "layers.1.w 2.0", "layers.2.w 3.0", "layers.3.w 206.0",
        "layers.4.w 208.0",
      ])
    #expect(try RecipeFile(yaml: recipe.yaml()).stages.map(\.recipe) == [recipe])
  }

  @Test func aRecipePrintsAsYAMLThatReadsAsItself() throws {
    var recipe = Recipe.named(
      .dareTies, models.dropLast().map { Recipe.Ingredient($0, parameters: ["weight": 0.1]) }, base: models[2],
      parameters: ["density": [.init([0, 0.5], filter: "attn: 'x'"), .init(0.25)], "normalize": 1, "seed": 3])
    recipe.ingredients[0].mask = models[0]
    recipe.dtype = .bfloat16
    recipe.names = .intersection
    recipe.rest = models[1]
    recipe.layers = "model.layers"
    recipe.runningStatistics = .averaged
    recipe.compatibility = .mergekit
    #expect(try RecipeFile(yaml: recipe.yaml()).stages.map(\.recipe) == [recipe])
    #expect(try RecipeFile(yaml: recipe.yaml(name: "a") + "---\n" + recipe.yaml()).stages.map(\.name) == ["a", nil])
    for simple in [
      Recipe.uniform(models), .weighted(models.map { ($0, 0.5) }, normalize: false),
      .interpolate(models[0], models[1], alpha: 0.3),
    ] {
      let read = try #require(RecipeFile(yaml: simple.yaml()).stages.first).recipe
      #expect(try Mixer().mix(read).contents == Mixer().mix(simple).contents)
    }
  }
}

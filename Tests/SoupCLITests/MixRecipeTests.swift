import Foundation
import SoupCheckpoints
import SoupMixing
import SoupTensors
import Testing

/// `soup mix recipe.yml`, and what recipes say, said by options.
@Suite struct MixRecipeTests {
  static let folder = fixture("merges")
  static let recipes = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [])
    .filter { $0.hasSuffix(".yml") }.sorted()

  /// The tensors' values are compared with mergekit's in `GoldenMergeTests`; here, that the program makes those.
  @Test func mergekitsOwnRecipesRunUnchanged() throws {
    let folder = try TemporaryFolder()
    let script =
      "for f in \(Self.folder)/*.yml; do $SOUP mix $f -q --threads 1 -o $(basename $f .yml).safetensors || echo $f; done"
    let result = try SoupProgram.shell(script, in: folder.path)
    #expect(result.status == 0 && result.output.isEmpty && result.errors.isEmpty)
    #expect(Self.recipes.count == 31)
    for name in Self.recipes {
      let recipe = try #require(RecipeFile(contentsOf: Self.folder + "/" + name).stages.first).recipe
      try Mixer(threads: 1).mix(recipe, to: folder["expected.safetensors"])
      #expect(
        FileManager.default.contentsEqual(
          atPath: folder[name.dropLast(4) + ".safetensors"], andPath: folder["expected.safetensors"]), "\(name)")
    }
  }

  /// Every golden recipe, as options; and as the YAML that these options print.
  @Test func optionsSayWhatRecipesSay() throws {
    let folder = try TemporaryFolder()
    let (one, two, three) = ("m1.float32.safetensors", "m2.float32.safetensors", "m3.float32.safetensors")
    let base = "--base base.float32.safetensors"
    let weights = "--weights 0.5,0.3,0.4"
    let all = "\(one) \(two) \(three)"
    let cases = [
      "breadcrumbs": "\(all) \(base) \(weights) --density 0.7 --gamma 0.1",
      "breadcrumbs_ties": "\(all) \(base) \(weights) --density 0.7 --gamma 0.1,0.1,0.1",
      "dare_linear_dense": "\(all) --method dare_linear \(base) \(weights) --density 1",
      "dare_ties_dense": "\(all) --method dare-ties \(base) \(weights)",
      "karcher": all, "linear": "\(all) \(weights)", "linear_unnormalised": "\(all) \(weights) --no-normalize",
      "linear_filtered": "\(one) \(two) --method linear --weights attn=1, --weights 0.25,1",
      "model_stock": "\(all) \(base)", "model_stock_filter_wise": "\(all) --method model_stock \(base) --filter-wise",
      "multislerp": "\(all) \(weights)", "nearswap": "\(one) \(base) --t 0.05",
      "nuslerp": "\(one) \(two) --weights 0.7,0.3",
      "nuslerp_base": "\(one) \(two) --method nuslerp \(base) --weights 0.7,0.3",
      "nuslerp_rows": "\(one) \(two) --method nuslerp --weights 0.7,0.3 --no-nuslerp-flatten --nuslerp-row-wise",
      "passthrough": "\(one) --scale 0.5", "sce": "\(all) \(base) --select-topk 0.6",
      // The base among the ingredients is not one of the models.
      "slerp": "\(one) base.float32.safetensors \(base) --t 0.35",
      "task_arithmetic": "\(all) \(base) \(weights) --lambda 0.8", "ties": "\(all) \(base) \(weights) --density 0.6",
      "ties_sparse": "\(all) --method TIES \(base) \(weights) --density 0.99 --no-normalize",
    ]
    #expect(
      Set(cases.keys)
        == Set(Self.recipes.filter { $0.contains("float32") }.map { $0.split(separator: ".")[0] }.map(String.init)))
    var script = "set -e; cd \(Self.folder); out='\(folder.path)'\n"
    for (name, arguments) in cases {
      let method = arguments.contains("--method") || name.hasPrefix("linear") ? "" : " --method \(name)"
      script += """
        $SOUP mix -q \(arguments)\(method) -o $out/\(name).options.safetensors
        $SOUP mix -q \(arguments)\(method) --print-recipe > $out/\(name).yml
        $SOUP mix -q $out/\(name).yml -o $out/\(name).recipe.safetensors

        """
    }
    let result = try SoupProgram.shell(script)
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    for name in cases.keys {
      let recipe = try #require(RecipeFile(contentsOf: "\(Self.folder)/\(name).float32.yml").stages.first).recipe
      let expected = try Mixer().mix(recipe)
      for kind in ["options", "recipe"] {
        let soup = try Checkpoint(contentsOf: folder["\(name).\(kind).safetensors"]).stateDict()
        #expect(Set(soup.names) == Set(expected.names))
        for (tensor, values) in expected { #expect(soup[tensor]?.doubles() == values.doubles(), "\(name): \(tensor)") }
      }
    }
  }

  /// mergekit 0.1.5 stops here.
  @Test func multislerpGivesTheBaseWhereNoModelChangedIt() throws {
    let folder = try TemporaryFolder()
    let models = (1...3).map { fixture("merges/m\($0).float32.safetensors") }
    let base = fixture("merges/base.float32.safetensors")
    let result = try SoupProgram.run(
      SoupProgram.path,
      ["mix"] + models + [
        "--method", "multislerp", "--base", base, "--weights", "0.5,0.3,0.4", "-o", folder["soup.safetensors"],
      ],
      in: nil)
    #expect(result.status == 0, "\(result.errors)")
    let (ours, theirs) = (try Checkpoint(contentsOf: folder["soup.safetensors"]), try Checkpoint(contentsOf: base))
    let files = try models.map { try Checkpoint(contentsOf: $0) }
    let unchanged = try theirs.entries.map(\.name).filter { name in
      try files.allSatisfy { try $0.tensor(name).doubles() == theirs.tensor(name).doubles() }
    }
    #expect(!unchanged.isEmpty && unchanged.count < theirs.entries.count)
    for name in unchanged { #expect(try ours.tensor(name).doubles() == theirs.tensor(name).doubles()) }
  }

  @Test func everyProblemOfTheOptionsIsListed() throws {
    let folder = try TemporaryFolder()
    let model = fixture("merges/m1.float32.safetensors")
    let cases: [(arguments: [String], problems: [String])] = [
      (
        ["--method", "ties", "--density", "nan", "--t", "0.5", "--lambda", "1,2", "--compat", "mergekit"],
        [
          "ties has no --t; it has --weights, --density, --normalize", "'nan' is not a finite number",
          "--lambda takes one value", "needs a base model: --base",
        ]
      ),
      (["--method", "tiess"], ["no merge method 'tiess'; there are linear, slerp"]),
      (["--method", "della", "--base", model, "--epsilon", "0.7"], ["epsilon is 0.7; it must be from 0 to 0.5"]),
      (
        ["--method", "karcher", "--base", model, "--max-iter", "1.5", "--tol", "-1"],
        ["karcher has no base", "it must be a whole number", "tol is -1; it must be 0 or more"]
      ),
      (["--density", "1"], ["without --method, linear has no --density"]),
      (["--method", "fisher", "--mask", "x"], ["an --importance for every", "--mask goes with methods"]),
      (["--rest-from", "x", "--running-statistics", "recomputed"], ["--names intersection", "soup evaluate"]),
      (["--method", "slerp", "--uniform", "--base", model, "--t", "1"], ["Choose one of --method and --uniform"]),
    ]
    for (arguments, problems) in cases {
      let result = try SoupProgram.run(SoupProgram.path, ["mix", model, "-o", folder["x"]] + arguments, in: nil)
      #expect(result.status == 2)
      for problem in problems { #expect(result.errors.contains(problem), "\(result.errors)") }
    }
    // What only shows with the files.
    let models = (1...3).map { fixture("merges/m\($0).float32.safetensors") }
    let late: [([String], [String])] = [
      (
        ["--method", "slerp", "--base", model, "--t", "1"], ["slerp takes the base and one other model, not 2"]
      ),
      (
        ["--method", "ties", "--base", model, "--weights", "1,2,3", "--density", "1,1,1,1"],
        ["--weights has 3 numbers, but there are 2 ingredients", "--density has 4 numbers"]
      ),
      (["--method", "fisher", "--importance", model], ["--importance names 1 file, but there are 3 ingredients"]),
      (["--method", "nuslerp", "--weights", "1"], ["nuslerp takes two models besides the base, not 3"]),
    ]
    for (arguments, problems) in late {
      let result = try SoupProgram.run(SoupProgram.path, ["mix"] + models + ["-o", folder["x"]] + arguments, in: nil)
      #expect(result.status == 2)
      for problem in problems { #expect(result.errors.contains(problem), "\(result.errors)") }
    }
    #expect(try folder.contents.isEmpty)
  }

  @Test func aRecipeSaysItselfWhatItMixes() throws {
    let result = try SoupProgram.run(
      "mix", Self.folder + "/ties.float32.yml", "extra.pt", "--density", "1", "--method", "ties", "-o", "x")
    #expect(result.status == 2)
    #expect(result.errors.contains("leave the others out") && result.errors.contains("leave out --method, --density"))
  }
}

import SoupMixing
import SoupTensors
import Testing

@Suite struct RecipeTests {
  @Test func survivesJSON() throws {
    var typed = Recipe.uniform(["a", "b/\"ü\".safetensors"])
    typed.dtype = .bfloat16
    let recipes: [Recipe] = [
      typed, .weighted([("a", 0.1), ("b", -2)]), .weighted([("a", 1)], normalize: false),
      .interpolate("a", "b", alpha: 1.0 / 3),
    ]
    for recipe in recipes { #expect(try Recipe(json: recipe.json()) == recipe) }
    #expect(Set(recipes).count == recipes.count)
  }

  @Test func readsWhatPeopleWrite() throws {
    let text = #"{"ingredients":[{"path":"a"},{"path":"b","weight":2}],"method":{"name":"weighted"}}"#
    let recipe = try Recipe(json: text)
    #expect(recipe.method == .weighted(normalize: true))
    #expect(recipe.ingredients.map(\.weight) == [nil, 2])
  }

  @Test func unknownMethodsAreNamed() throws {
    let error = #expect(throws: MixError.self) { try Recipe(json: #"{"ingredients":[],"method":{"name":"tiess"}}"#) }
    #expect(error?.description.contains("'tiess'") == true)
  }
}

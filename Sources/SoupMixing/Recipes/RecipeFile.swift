import SoupCheckpoints
import SoupTensors

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A recipe as people write it, in YAML: mergekit's grammar and some additions.
///
/// ```yaml
/// merge_method: ties
/// base_model: base.safetensors
/// models:
///   - model: runs/*.safetensors
///     parameters: {weight: 1, density: 0.5}
/// ```
///
/// A file may hold several stages, under `stages:` or as several documents, each with a `name` that later ones use as a
/// model; the last one makes the soup. What is not understood is refused with its line, never ignored (Guides/Recipes.md).
public struct RecipeFile: Sendable, Equatable {
  /// One mix.
  public struct Stage: Sendable, Equatable {
    /// What later stages call its result; nil for the last one if it has no name.
    public let name: String?
    public let recipe: Recipe

    public init(name: String? = nil, recipe: Recipe) {
      self.name = name
      self.recipe = recipe
    }
  }

  /// In the order they are mixed; the last makes the soup.
  public let stages: [Stage]

  /// Reads a recipe file.
  /// - Throws: `CheckpointError` if the file cannot be read; `MixError.Code.invalidRecipe` with every problem and its line.
  public init(contentsOf path: String) throws {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw CheckpointError(.cannotRead, path, "cannot be read", advice: "check the path")
    }
    guard data.count <= 1 << 20 else {
      throw MixError(.invalidRecipe, "\(path): a recipe has at most 1 MiB; this file has \(data.count) bytes")
    }
    guard let text = String(data: data, encoding: .utf8) else {
      throw MixError(.invalidRecipe, "\(path): is not UTF-8 text")
    }
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) + "/" } ?? ""
    try self.init(yaml: text, file: path, folder: folder)
  }

  /// Reads a recipe.
  /// - Parameters:
  ///   - file: its name in messages.
  ///   - folder: where relative paths are looked up first, with a slash at the end; then in the working directory.
  public init(yaml: String, file: String = "recipe", folder: String = "") throws {
    var reader = RecipeReader(file: file, folder: folder)
    stages = try reader.read(yaml)
  }

  /// Whether a file name is that of a recipe.
  public static func isRecipe(_ path: String) -> Bool {
    let name = path.lowercased()
    return name.hasSuffix(".yml") || name.hasSuffix(".yaml")
  }
}

extension Recipe {
  /// All files that it names: ingredients, the base, the rest, importances and masks.
  public var paths: [String] {
    ingredients.map(\.path) + [base, rest].compactMap { $0 } + (slices ?? []).compactMap(\.base)
      + ingredients.flatMap { [$0.importance, $0.mask].compactMap { $0 } }
  }

  /// The same recipe with other files in the place of some.
  public func replacing(paths: [String: String]) -> Recipe {
    func new(_ path: String) -> String { paths[path] ?? path }
    var recipe = self
    for index in recipe.ingredients.indices {
      recipe.ingredients[index].path = new(recipe.ingredients[index].path)
      recipe.ingredients[index].importance = recipe.ingredients[index].importance.map(new)
      recipe.ingredients[index].mask = recipe.ingredients[index].mask.map(new)
    }
    recipe.base = recipe.base.map(new)
    recipe.rest = recipe.rest.map(new)
    recipe.slices = recipe.slices?.map { slice in
      var slice = slice
      slice.base = slice.base.map(new)
      slice.sources = slice.sources.map { source in
        var source = source
        source.path = new(source.path)
        return source
      }
      return slice
    }
    return recipe
  }
}

import SoupAnalysis

/// Recipes of soups beside each other: set by set, corruption by corruption.
enum RecipeFigures {
  static func table(_ recipes: RecipeTable) -> ReportTable {
    let columns = recipes.columns
    let titles = ["recipe", "mix"] + columns.map(\.title)
    var data = DataTable(
      ["recipe", "mix", "seeds"] + columns.flatMap { [$0.title, $0.title + " low", $0.title + " high"] })
    let keys = recipes.recipes.flatMap { recipe in
      recipes.mixes.map { RecipeTable.Key(recipe: recipe, mix: $0) }.filter { recipes.entries[$0] != nil }
    }
    let best = columns.map { column in keys.compactMap { recipes.estimate($0, column.measurement)?.mean }.max() }
    let rows = keys.map { key -> ReportTable.Row in
      var numbers: [JSON] = [.string(key.recipe), .string(key.mix), .number(Double(recipes.entries[key]?.count ?? 0))]
      let cells = zip(columns, best).map { column, best -> ReportTable.Cell in
        guard let estimate = recipes.estimate(key, column.measurement) else {
          numbers += [.null, .null, .null]
          return .init("–")
        }
        numbers += [estimate.mean, estimate.interval?.lower, estimate.interval?.upper].map { JSON($0) }
        return .init(
          Text.percent(estimate.mean), note: estimate.interval.map { "±\(Text.percent($0.halfWidth))" } ?? "",
          isBest: estimate.mean == best)
      }
      data.add(numbers)
      let isFirst = key.mix == recipes.mixes.first { recipes.entries[.init(recipe: key.recipe, mix: $0)] != nil }
      return .init(name: isFirst ? title(key.recipe) : "", cells: [.init(key.mix)] + cells)
    }
    let seeds = recipes.studies.count
    return ReportTable(
      id: "recipes",
      caption: "Top-1 accuracy in percent of every recipe's mixes. "
        + (seeds > 1
          ? "Means over \(seeds) seeds, ± half of a 95 % interval of Student's t over seeds."
          : "± half of a 95 % interval for the sampling of the images; one seed, so that nothing is said of how training varies.")
        + " Bold: the highest of a column, whether or not it is told apart.", columns: titles, rows: rows, data: data)
  }

  /// Every recipe and mix, set by set.
  static func sets(_ recipes: RecipeTable) -> Figure? {
    var data = DataTable(["recipe", "mix", "set", "accuracy", "low", "high", "seeds"])
    let columns = recipes.columns
    for column in columns {
      for recipe in recipes.recipes {
        for mix in recipes.mixes {
          guard let estimate = recipes.estimate(.init(recipe: recipe, mix: mix), column.measurement) else { continue }
          data.add([
            .string(title(recipe)), .string(mix), .string(column.title), .percent(estimate.mean),
            .percent(estimate.interval?.lower), .percent(estimate.interval?.upper), .number(Double(estimate.count)),
          ])
        }
      }
    }
    guard data.rows.count > 1 else { return nil }
    let names = recipes.recipes.map { JSON.string(title($0)) }
    let y: JSON = [
      "field": "set", "type": "nominal", "sort": .array(columns.map { .string($0.title) }),
      "axis": ["title": nil, "grid": false, "domain": false, "ticks": false, "labelLimit": 120],
      "scale": ["paddingInner": 0.3],
    ]
    let offset: JSON = ["field": "recipe", "type": "nominal", "scale": ["domain": .array(names)]]
    let color: JSON = [
      "field": "recipe", "type": "nominal", "legend": ["title": nil],
      "scale": ["domain": .array(names), "range": "category"],
    ]
    return Figure(
      id: "recipes-by-set", title: "Recipes and mixes",
      caption: "Top-1 accuracy of every recipe (colour) and mix (shape) on every set of images, with 95 % intervals "
        + (recipes.studies.count > 1 ? "over \(recipes.studies.count) seeds." : "over images."),
      alternative: "Dot plot of accuracies of \(recipes.recipes.count) recipes on \(columns.count) sets.",
      aspect: max(1.1, 680 / Double(columns.count * (recipes.recipes.count * 18 + 20) + 40)),
      minimumHeight: Double(columns.count * (recipes.recipes.count * 14 + 14)),
      specification: [
        "data": ["name": "data"], "encoding": ["y": y, "yOffset": offset, "color": color],
        "layer": [
          [
            "mark": ["type": "rule", "strokeWidth": 1.3, "strokeOpacity": 0.5],
            "encoding": ["x": ["field": "low", "type": "quantitative"], "x2": ["field": "high"]],
          ],
          [
            "mark": ["type": "point", "filled": true, "size": 80, "opacity": 1],
            "encoding": [
              "x": Encoding.quantity("accuracy", "Accuracy (%)"),
              "shape": [
                "field": "mix", "type": "nominal", "legend": ["title": nil],
                "scale": [
                  "domain": .array(recipes.mixes.map { .string($0) }),
                  "range": .array(recipes.mixes.map { .string(shape($0)) }),
                ],
              ],
              "tooltip": Encoding.tooltip([
                ("recipe", "recipe", nil), ("mix", "mix", nil), ("set", "images", nil),
                ("accuracy", "accuracy (%)", ".2f"),
                ("low", "from", ".2f"), ("high", "to", ".2f"), ("seeds", "seeds", "d"),
              ]),
            ],
          ],
        ],
      ], tables: ["data": data])
  }

  /// The difference to the first recipe, corruption by corruption, for the mix that every recipe has.
  static func corruptions(_ recipes: RecipeTable, _ records: [[JSON]], set: String) -> Figure? {
    guard let reference = recipes.recipes.first, recipes.recipes.count > 1,
      let mix = ["uniform", "greedy", "best"].first(where: { mix in
        recipes.recipes.allSatisfy { recipes.entries[.init(recipe: $0, mix: mix)] != nil }
      })
    else { return nil }
    // Mean over severities, by study, model, corruption.
    var sums: [[String]: (Double, Int)] = [:]
    var order: [String] = []
    for (study, records) in records.enumerated() {
      for record in records where record["set"]?.string == set {
        guard let model = record["model"]?.string, let name = record["corruption"]?.string,
          let top1 = record["top1"]?.number
        else { continue }
        if !order.contains(name) { order.append(name) }
        let old = sums[["\(study)", model, name]] ?? (0, 0)
        sums[["\(study)", model, name]] = (old.0 + top1, old.1 + 1)
      }
    }
    func value(_ entry: RecipeTable.Entry, _ corruption: String) -> Double? {
      sums[["\(entry.study)", entry.model.name, corruption]].map { $0.0 / Double($0.1) }
    }
    var data = DataTable(["corruption", "recipe", "difference", "low", "high", "accuracy", "seeds"])
    let others = recipes.recipes.dropFirst()
    let base = recipes.entries[.init(recipe: reference, mix: mix)] ?? []
    for corruption in order {
      for recipe in others {
        let own = recipes.entries[.init(recipe: recipe, mix: mix)] ?? []
        var (differences, accuracies): ([Double], [Double]) = ([], [])
        for entry in own {
          guard let other = base.first(where: { $0.study == entry.study }), let a = value(entry, corruption),
            let b = value(other, corruption)
          else { continue }
          differences.append(a - b)
          accuracies.append(a)
        }
        guard let estimate = SeedEstimate(differences) else { continue }
        data.add([
          .string(corruption.replacing("_", with: " ").replacing("-", with: " ")), .string(title(recipe)),
          .percent(estimate.mean), .percent(estimate.interval?.lower), .percent(estimate.interval?.upper),
          .percent(accuracies.reduce(0, +) / Double(accuracies.count)), .number(Double(estimate.count)),
        ])
      }
    }
    guard data.rows.count > 1 else { return nil }
    let names = others.map { JSON.string(title($0)) }
    let y: JSON = [
      "field": "corruption", "type": "nominal", "sort": nil,
      "axis": ["title": nil, "grid": false, "domain": false, "ticks": false, "labelLimit": 150],
      "scale": ["paddingInner": 0.25],
    ]
    let rows = order.count
    return Figure(
      id: "recipes-by-corruption-" + Identifier.make(set),
      title: "Corruption by corruption, \(mix) mixes, on \(setTitle(set))",
      caption: "Accuracy of each recipe's \(mix) mix minus that of \(title(reference)), in points, mean over severities"
        + (recipes.studies.count > 1 ? ", with 95 % intervals over \(recipes.studies.count) seeds." : "; one seed."),
      alternative: "Bars of differences to \(title(reference)) for \(rows) corruptions.",
      aspect: max(1, 680 / Double(rows * (others.count * 10 + 8) + 40)),
      minimumHeight: Double(rows * (others.count * 9 + 8)),
      specification: [
        "data": ["name": "data"],
        "encoding": ["y": y, "yOffset": ["field": "recipe", "type": "nominal", "scale": ["domain": .array(names)]]],
        "layer": [
          [
            "mark": ["type": "bar", "cornerRadiusEnd": 2],
            "encoding": [
              "x": Encoding.quantity("difference", "Over \(title(reference)) (points)", format: "+.3~r", zero: true),
              "color": [
                "field": "recipe", "type": "nominal", "legend": ["title": nil],
                "scale": [
                  "domain": .array(names), "range": ["@red", "@green", "@amber", "@violet", "@sky", "@pink", "@teal"],
                ],
              ],
              "tooltip": Encoding.tooltip([
                ("corruption", "corruption", nil), ("recipe", "recipe", nil), ("difference", "difference", "+.2f"),
                ("low", "from", "+.2f"), ("high", "to", "+.2f"), ("accuracy", "accuracy (%)", ".2f"),
              ]),
            ],
          ],
          [
            "mark": ["type": "rule", "color": "@ink", "strokeWidth": 1, "strokeOpacity": 0.6],
            "encoding": ["x": ["field": "low", "type": "quantitative"], "x2": ["field": "high"]],
          ],
        ],
      ], tables: ["data": data])
  }

  /// Coefficients that searches found, against how good the ingredient is alone: a figure for each set that ingredients are scored on,
  /// as those without a classifier are by their neighbours.
  static func coefficients(_ studies: [StudyRecords], _ tables: [ResultTable]) -> [Figure] {
    var found: [(set: String, data: DataTable, soups: [String])] = []
    for (study, records) in studies.enumerated() {
      let table = tables[study]
      let models = Dictionary(table.models.map { ($0.name, $0) }) { first, _ in first }
      // Layer by layer, the mean over tensors.
      var shares: [String: [String: (Double, Int)]] = [:]
      for record in records["coefficient"] {
        guard let soup = record["model"]?.string, let name = record["ingredient"]?.string,
          let value = record["value"]?.number
        else { continue }
        let old = shares[soup]?[name] ?? (0, 0)
        shares[soup, default: [:]][name] = (old.0 + value, old.1 + 1)
      }
      for (soup, shares) in shares.sorted(by: { $0.key < $1.key }) {
        let scored = Set(shares.keys.flatMap { models[$0].map { Array($0.scores.keys) } ?? [] })
        let order = table.sets + scored.subtracting(table.sets).sorted()
        guard let set = order.first(where: { set in shares.keys.allSatisfy { models[$0]?.accuracy(on: set) != nil } })
        else { continue }
        let index =
          found.firstIndex { $0.set == set }
          ?? {
            found.append(
              (set, DataTable(["soup", "ingredient", "share", "accuracy", "objective", "study"]), []))
            return found.count - 1
          }()
        if !found[index].soups.contains(soup) { found[index].soups.append(soup) }
        for (name, share) in shares.sorted(by: { $0.key < $1.key }) {
          guard let model = models[name] else { continue }
          found[index].data.add([
            .string(soup), .string(name), .number(share.0 / Double(share.1)), .percent(model.accuracy(on: set)),
            model.hyperparameters["objective"] ?? "–", .number(Double(study + 1)),
          ])
        }
      }
    }
    return found.filter { $0.data.rows.count > 2 }.enumerated().map { index, found in
      let title = tables.first?.title(of: found.set) ?? found.set
      return Figure(
        id: "coefficients-against-accuracy" + (index == 0 ? "" : "-" + Identifier.make(found.set)),
        title: "Do better ingredients get larger shares?",
        caption:
          "Share of every ingredient in the mixtures that searches found (colour) against the ingredient's own accuracy on \(title). "
          + "Searches without labels do not see the accuracy.",
        alternative: "Scatter plot of shares against accuracies of \(found.data.rows.count) ingredients.",
        layout: .half, aspect: 1.3,
        specification: [
          "data": ["name": "data"], "mark": ["type": "point", "filled": true, "size": 80, "opacity": 0.9],
          "encoding": [
            "x": Encoding.quantity("accuracy", "Ingredient's accuracy on \(title) (%)"),
            "y": Encoding.quantity("share", "Share in the mixture", zero: true),
            "color": [
              "field": "soup", "type": "nominal", "legend": ["title": nil],
              "scale": ["domain": .array(found.soups.map { .string($0) }), "range": "category"],
            ],
            "tooltip": Encoding.tooltip([
              ("soup", "mixture", nil), ("ingredient", "ingredient", nil), ("objective", "objective", nil),
              ("share", "share", ".3f"), ("accuracy", "accuracy (%)", ".2f"), ("study", "study", "d"),
            ]),
          ],
        ], tables: ["data": found.data])
    }
  }

  private static func shape(_ mix: String) -> String {
    switch mix {
    case "best": "triangle-up"
    case "greedy": ModelKind.star
    case "uniform": "square"
    case "learned": "triangle-down"
    case "sampled": ModelKind.hexagon
    case "self", "self-season": "diamond"
    default: "circle"
    }
  }

  /// `self-soup` as `Self soup`.
  static func title(_ recipe: String) -> String {
    let words = recipe.replacing("_", with: " ").replacing("-", with: " ")
    return words.prefix(1).uppercased() + words.dropFirst()
  }

  private static func setTitle(_ set: String) -> String { set.split(separator: "\u{1F}").first.map(String.init) ?? set }
}

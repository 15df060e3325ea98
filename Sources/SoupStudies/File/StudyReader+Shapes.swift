import Yams

/// The sections that give a study its shape beyond a base and its ingredients: stages, branches, tables of pairs.
extension StudyReader {
  // MARK: Stages

  mutating func stages(_ node: Node) -> [StudyFile.Stage] {
    guard case .mapping = node else {
      problem(node, "stages: expected a mapping of names to stages")
      return []
    }
    return named(node, "stages").map { name, value in
      let place = "stages.\(name)"
      var stage = StudyFile.Stage(
        name: name, command: .train, from: ["base"],
        search: .init(search: .random, count: 0, repeats: 1, settings: Settings(), files: [], includesBase: false),
        isNumbered: true)
      var search: StudyFile.Ingredients.Search?
      for (key, value) in value.map({ entries($0, place) }) ?? [] {
        switch key {
        case "from":
          stage.from = strings(value, "\(place).from")
          marks["\(place).from"] = value
        case "command":
          if let command = scalar(value, "\(place).command").flatMap(StudyFile.Stage.Command.init) {
            stage.command = command
          } else {
            problem(value, "\(place).command: expected train or probe, found '\(text(value))'")
          }
        default:
          if !searchEntry(key, value, place, &stage.search, &search) {
            unknown(key, value, place, "command, from, search, count, repeats, settings")
          }
        }
      }
      if search == .files { problem(node, "\(place).search: expected random or grid, found 'files'") }
      // One setting for all, where nothing is searched.
      stage.isNumbered = search != nil || stage.search.count > 0
      if !stage.isNumbered {
        let varying = stage.search.settings.varying
        if !varying.isEmpty {
          problem(
            value ?? node,
            "\(place): \(varying.joined(separator: ", ")) vary; say how with 'count: n' (random) or 'search: grid'")
        }
        stage.search.count = 1
      }
      stage.search.search = search ?? .random
      checkSearch(stage.search, value ?? node, place)
      return stage
    }
  }

  mutating func checkStages(_ file: StudyFile) {
    var known = ["base"]
    for stage in file.stages {
      let place = "stages.\(stage.name).from"
      for name in stage.from where !known.contains(name) {
        let isLater = file.stages.contains { $0.name == name }
        problem(
          at: place,
          "there is no stage '\(name)'\(isLater ? " before it" : ""); known are \(known.joined(separator: ", "))")
      }
      if stage.from.contains("base"), file.base == nil { problem(at: place, "the study has no 'base'") }
      if stage.from.isEmpty { problem(at: place, "names nothing to start from") }
      if Set(stage.from).count < stage.from.count { problem(at: place, "names a stage twice") }
      known.append(stage.name)
    }
    guard file.branches != nil else { return }
    if case .training(let settings) = file.base {
      let epochs = settings.items.first { $0.name == "epochs" }?.number
      if let epochs, let last = file.branches?.at.last, Double(last) > epochs {
        problem(at: "branches.at", "epoch \(last) lies behind the trunk's end (base.epochs: \(Setting.text(epochs)))")
      }
    } else {
      problem(at: "branches", "they leave the training of 'base', the trunk: give its options (model, epochs, …) there")
    }
  }

  // MARK: Branches

  mutating func branches(_ node: Node) -> StudyFile.Branches? {
    marks["branches"] = node
    var result = StudyFile.Branches(at: [], variants: .listed([]), settings: Settings())
    for (key, value) in entries(node, "branches") {
      switch key {
      case "at":
        result.at = branchPoints(value)
        marks["branches.at"] = value
      case "variants": variants(value).map { result.variants = $0 }
      case "settings": result.settings = settings(value, "branches.settings", fixed: true)
      default: unknown(key, value, "branches", "at, variants, settings")
      }
    }
    if result.at.isEmpty, marks["branches.at"] == nil {
      problem(node, "branches: needs 'at', the epochs, as [5, 10] or {from: 50, to: 300, every: 10}")
    }
    if result.variants.count == 0 {
      problem(node, "branches: needs 'variants', a list of scales, or {count: 4, lr-scale: 1, momentum-scale: 0.4}")
    }
    return result
  }

  private mutating func branchPoints(_ node: Node) -> [Int] {
    let place = "branches.at"
    let highest = 1_000_000
    if case .sequence(let items) = node {
      let points = items.compactMap { integer($0, place, 1...highest) }
      if Set(points).count < points.count { problem(node, "\(place): an epoch is there twice") }
      return points.sorted()
    }
    var range: [String: Int] = [:]
    for (key, value) in entries(node, place) {
      if ["from", "to", "every"].contains(key) {
        range[key] = integer(value, "\(place).\(key)", 1...highest)
      } else {
        unknown(key, value, place, "from, to, every")
      }
    }
    guard let from = range["from"], let to = range["to"], let every = range["every"], from <= to else {
      problem(node, "\(place): expected a list of epochs, or from, to and every with from ≤ to")
      return []
    }
    return Array(stride(from: from, through: to, by: every))
  }

  private mutating func variants(_ node: Node) -> StudyFile.Branches.Variants? {
    let place = "branches.variants"
    if case .sequence(let items) = node {
      return .listed(
        items.enumerated().map { index, item in
          let place = "\(place)[\(index + 1)]"
          let scales = settings(item, place, fixed: true)
          for scale in scales.items where scale.number.map({ $0 > 0 }) != true || !Self.scales.contains(scale.name) {
            problem(
              item,
              "\(place).\(scale.name): expected a number above 0 for one of \(Self.scales.joined(separator: ", "))")
          }
          return scales
        })
    }
    var count = 0
    var ranges: [StudyFile.Branches.ScaleRange] = []
    for (key, value) in entries(node, place) {
      if key == "count" {
        count = integer(value, "\(place).count", 1...10_000) ?? 1
      } else if Self.scales.contains(key) {
        if let range = Double(text(value)), range >= 0, range.isFinite {
          ranges.append(.init(option: key, range: range))
        } else {
          problem(
            value, "\(place).\(key): expected R, of which log2 of the scale is ±U(R/5, R), found '\(text(value))'")
        }
      } else {
        unknown(key, value, place, (["count"] + Self.scales).joined(separator: ", "))
      }
    }
    if count == 0 { problem(node, "\(place): needs 'count', or is a list of scales") }
    if ranges.isEmpty { problem(node, "\(place): nothing varies; name \(Self.scales.joined(separator: ", "))") }
    return .drawn(count: count, ranges: ranges)
  }

  private static let scales = ["lr-scale", "momentum-scale", "weight-decay-scale"]

  // MARK: Pairs, contrasts

  mutating func pairs(_ node: Node) -> [StudyFile.Pairs] {
    named(node, "pairs").map { name, value in
      let place = "pairs.\(name)"
      var pairs = StudyFile.Pairs(name: name, of: nil, block: 12, options: Settings())
      for (key, value) in value.map({ entries($0, place) }) ?? [] {
        switch key {
        case "of": pairs.of = strings(value, "\(place).of")
        case "block": pairs.block = integer(value, "\(place).block", 2...10_000) ?? 12
        default: pairs.options.items.append(.init(name: key, setting: setting(value, "\(place).\(key)", fixed: true)))
        }
      }
      return pairs
    }
  }

  mutating func contrasts(_ node: Node) -> [StudyFile.Contrast] {
    guard case .sequence(let items) = node else {
      problem(node, "contrasts: expected a list, as [[self, supervised], [self, best]]")
      return []
    }
    return items.compactMap { item in
      let names = strings(item, "contrasts")
      if names.count == 2 { return .init(model: names[0], against: names[1]) }
      problem(item, "contrasts: expected two models in brackets, found \(names.count)")
      return nil
    }
  }
}

extension Settings.Item {
  var number: Double? { if case .fixed(let text?) = setting { Double(text) } else { nil } }
}

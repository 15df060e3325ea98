import Foundation
import SoupTensors

/// Branching studies: variants of one training that leave it at several epochs.
extension StudyExpansion {
  /// What the trunk's training is told besides its hyperparameters: to keep its state at the branch points.
  var trunk: [RunSpecification.Word] {
    guard let branches = file.branches, let first = branches.at.first else { return [] }
    return [
      .text("--checkpoint-every"), .text(String(branches.every)), .text("--checkpoint-from"), .text(String(first)),
    ]
  }

  /// The state of the trunk after an epoch, in its run's folder.
  static func state(after epoch: Int) -> String { "model-epoch-\(epoch).state" }

  /// `branch-50-1` … `branch-300-4`: at every branch point the same variants, each with one seed, `seed` of the study plus its number.
  mutating func branches() {
    guard let branches = file.branches, graph.model("base") != nil else { return }
    let variants = scales(branches.variants)
    // A branch has its trunk's settings, and refuses them from anyone else; how it is computed is its own.
    let computation = Settings((file.options["train"] ?? Settings()).items.filter { Self.computing.contains($0.name) })
    let further = computation.merging(branches.settings)
    for epoch in branches.at {
      for (offset, scales) in variants.enumerated() {
        let name = "branch-\(epoch)-\(offset + 1)"
        let options = further.items.map { ($0.name, Self.fixedValue($0.setting)) }
        let values = seeded(options + scales, file.seed &+ UInt64(offset + 1))
        let words: [RunSpecification.Word] = [
          .text("--branch"), .result(of: "base", file: Self.state(after: epoch)),
        ]
        train(
          name, from: nil, values: values, role: .ingredient, further: words,
          described: [("branch-epoch", .text(String(epoch))), ("variant", .text(String(offset + 1)))] + values)
        graph.change(name) { $0.parent = "base" }
        group(name, in: "branch-\(epoch)")
      }
    }
  }

  private static let computing: Set<String> = [
    "device", "threads", "loader-threads", "save-every", "tensorboard", "on-bad-image",
  ]

  /// The factors of every variant: as listed, or `2^±u` with `u` uniform in `[0.2 R, R)` and either sign as likely. Each has a stream
  /// of its own, `(seed, option, number of the variant)`: a further variant leaves the others as they were. Momentum at 1 or above never
  /// forgets: such a draw is made again.
  private func scales(_ variants: StudyFile.Branches.Variants) -> [[(String, Setting.Value)]] {
    switch variants {
    case .listed(let list): list.map { $0.items.map { ($0.name, Self.fixedValue($0.setting)) } }
    case .drawn(let count, let ranges):
      (1...count).map { index in
        ranges.map { range in
          var generator = CounterGenerator(seed: file.seed).derived("branch").derived(range.option)
            .derived(UInt64(index))
          let most = range.option == "momentum-scale" ? 1 / momentum : .infinity
          var scale: Double
          repeat {
            let magnitude = range.range * (0.2 + 0.8 * generator.uniform())
            scale = exp2(generator.uniform() < 0.5 ? -magnitude : magnitude)
          } while scale >= most
          return (range.option, .text(Setting.text(scale)))
        }
      }
    }
  }

  /// Of the trunk.
  private var momentum: Double {
    guard case .training(let settings) = file.base else { return 0.9 }
    let options = (file.options["train"] ?? Settings()).merging(settings)
    return options.items.first { $0.name == "momentum" }?.number ?? 0.9
  }

  // MARK: Pairs

  /// Blocks of at most `block` by `block` models, each a run that needs those models alone, and a run that joins them to one table. So a
  /// changed or further model redoes its own blocks, and a cluster takes them as one array.
  mutating func pairs(_ pairs: StudyFile.Pairs) {
    let place = "pairs.\(pairs.name)"
    let members = models(pairs.of, of: place)
    if members.count < 2 { return problems.append("\(place): a pair needs two models, found \(members.count)") }
    // As even as can be: 13 models in blocks of 12 are 7 and 6.
    let count = (members.count + pairs.block - 1) / pairs.block
    let sides = (0..<count).map { members[members.count * $0 / count..<members.count * ($0 + 1) / count] }
    let options = (file.options["pairs"] ?? Settings()).merging(pairs.options)
    var blocks: [String] = []
    for (row, first) in sides.enumerated() {
      for (column, second) in sides.enumerated().dropFirst(row) where row != column || first.count > 1 {
        var words: [RunSpecification.Word] = [.text("landscape"), .text("pairs")] + first.compactMap(\.word)
        if row != column { words += second.compactMap(\.word) + [.text("--between"), .text(String(first.count))] }
        words += data()
        for item in options.items { words += optionWords(item, place) }
        words += [.text("--csv"), .output(RunSpecification.table), .text("--json")]
        let name = "\(pairs.name).\(row + 1)-\(column + 1)"
        graph.add(
          RunSpecification(
            name: name, kind: .pairs, words: words, outputs: [RunSpecification.table], readings: readings))
        blocks.append(name)
      }
    }
    join(pairs, blocks, members)
  }

  private mutating func join(_ pairs: StudyFile.Pairs, _ blocks: [String], _ members: [StudyModel]) {
    let join: [RunSpecification.Word] = [.text("study"), .text("join")]
    var names: [RunSpecification.Word] = []
    for member in members {
      guard let word = member.word else { continue }
      let branch = member.value(of: "branch-epoch").map { "=\($0)/\(member.value(of: "variant") ?? "")" } ?? ""
      names += [.text("--model"), .text(member.name + branch), .text("--checkpoint"), word]
    }
    let tables = blocks.map { RunSpecification.Word.result(of: $0, file: RunSpecification.table) }
    graph.add(
      RunSpecification(
        name: pairs.name, kind: .select,
        words: join + tables + names + [.text("-o"), .output(RunSpecification.table), .text("--json")],
        outputs: pairs.tables.map(\.file), takesThreads: false, record: "pair"))
    guard file.similarities != nil else { return }
    if graph["similarities"] == nil { similarities() }
    // Apart from the table, which is there and worth something without them.
    let measured = RunSpecification.Word.result(of: "similarities", file: RunSpecification.similarities)
    graph.add(
      RunSpecification(
        name: RunSpecification.similarities(of: pairs.name), kind: .select,
        words: join + names + [
          .text("--similarities"), measured, .text("-o"), .output(RunSpecification.similarities), .text("--json"),
        ], outputs: [RunSpecification.similarities], takesThreads: false))
  }

  private mutating func similarities() {
    let members = models(nil, of: "similarities")
    var words: [RunSpecification.Word] = [.text("compare")] + members.compactMap(\.word) + data()
    for item in (file.similarities ?? Settings()).items { words += optionWords(item, "similarities") }
    words += [.text("--csv"), .output(RunSpecification.similarities), .text("--json")]
    graph.add(
      RunSpecification(
        name: "similarities", kind: .step, words: words, outputs: [RunSpecification.similarities], readings: readings))
  }

  // MARK: Contrasts

  mutating func checkContrasts() {
    for contrast in file.contrasts {
      for name in [contrast.model, contrast.against] where graph.model(name) == nil {
        problems.append(
          "contrasts: there is no model '\(name)'; known are "
            + graph.models.filter { $0.role != .ingredient && $0.role != .stage }.map(\.name).joined(separator: ", "))
      }
    }
  }
}

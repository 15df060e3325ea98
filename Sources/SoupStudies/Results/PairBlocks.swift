import Foundation

/// Joins blocks of pair soups, as `soup landscape pairs --csv` writes them, to one table of a study's models.
///
/// The table has a row for every model (`key_a` = `key_b`) and one for every pair, in the order of the models: `key_a`, `key_b`,
/// `clean_accuracy` (percent), `clean_loss` (nats), `corrupted_accuracy`, `corrupted_loss` (empty where not measured), and
/// `branch_epoch_a`, `branch_epoch_b`, `variant_a`, `variant_b` where models are branches: what `soup analyze pairs` reads.
public struct PairBlocks {
  public struct Model: Sendable, Hashable {
    public let name: String
    public let checkpoint: String
    /// The epoch at which it left the trunk, and by which variant.
    public let branch: Int?
    public let variant: String?

    public init(name: String, checkpoint: String, branch: Int? = nil, variant: String? = nil) {
      self.name = name
      self.checkpoint = checkpoint
      self.branch = branch
      self.variant = variant
    }
  }

  /// Accuracies in percent, losses in nats, as text: what was measured is passed on to the last digit.
  private struct Scores {
    var cells: [String]
  }

  public let models: [Model]
  /// Policies of batch norm under which soups were measured; nil is the first, `recompute` a further one.
  public private(set) var policies: [String?] = [nil]
  private var own: [Int: Scores] = [:]
  /// By pair, for each policy.
  private var soups: [Int: [Scores]] = [:]
  /// Folder of a run, or file, to model: blocks name checkpoints by what tells their paths apart.
  private let places: [String: Int]
  private var problems: [String] = []

  /// Pairs that were read.
  public var count: Int { soups.count }

  /// - Parameter blocks: none for the models' names alone.
  /// - Throws: `StudyError` with code `bad-result`: every pair that is missing or there twice, every model that is not known.
  public init(_ blocks: [String], models: [Model]) throws(StudyError) {
    self.models = models
    places = Dictionary(
      models.enumerated().flatMap { index, model in Self.keys(of: model).map { ($0, index) } }
    ) { first, _ in first }
    for block in blocks { try read(block) }
    let missing = blocks.isEmpty ? [] : pairs.filter { soups[key($0, $1)] == nil }
    if !missing.isEmpty {
      let names = missing.prefix(5).map { "\(models[$0].name) and \(models[$1].name)" }.joined(separator: "; ")
      problems.append("\(missing.count) pairs have no soup: \(names)\(missing.count > 5 ? "; …" : "")")
    }
    guard problems.isEmpty else { throw StudyError(.badResult, nil, problems.joined(separator: "\n  ")) }
  }

  private var pairs: [(Int, Int)] {
    models.indices.flatMap { a in models.indices.dropFirst(a + 1).map { (a, $0) } }
  }

  private func key(_ a: Int, _ b: Int) -> Int { min(a, b) * models.count + max(a, b) }

  /// The name of the model, of its file, of the folder that it is in.
  private static func keys(of model: Model) -> [String] {
    let path = URL(fileURLWithPath: model.checkpoint).standardizedFileURL
    var keys = [model.name, path.deletingPathExtension().lastPathComponent]
    if path.lastPathComponent == RunSpecification.checkpoint {
      keys[1] = path.deletingLastPathComponent().lastPathComponent
    }
    return keys
  }

  /// The model that `branch-5-1-1f0c9a77d2/model` means.
  private func place(_ name: String) -> Int? {
    if let place = places[name] { return place }
    return name.split(separator: "/").reversed().lazy.compactMap { self.places[String($0)] }.first
  }

  private mutating func read(_ path: String) throws(StudyError) {
    let table = try PlainTable(contentsOf: path)
    let measures = ["top1", "loss", "corrupted_top1", "corrupted_loss"]
    guard let a = table.column("a"), let b = table.column("b"), let alpha = table.column("alpha"),
      table.column("top1") != nil
    else {
      throw StudyError(
        .badResult, path, "is no block of pairs: its columns are \(table.columns.joined(separator: ", "))")
    }
    let others = table.columns.filter { $0.hasPrefix("top1_") && $0 != "top1_a" && $0 != "top1_b" }
      .map { String($0.dropFirst("top1_".count)) }
    if soups.isEmpty {
      policies = [nil] + others
    } else if policies != [nil] + others {
      problems.append("\(path): has other policies of batch norm than the blocks before it")
    }
    func scores(_ row: [Substring], _ suffix: String) -> Scores {
      Scores(
        cells: measures.map { measure in
          guard let column = table.column(measure + suffix), let value = Double(row[column]) else { return "" }
          return measure.hasSuffix("top1") ? Self.percent(value) : String(row[column])
        })
    }
    for row in table.rows where Double(row[alpha]) == 0.5 {
      guard let first = place(String(row[a])), let second = place(String(row[b])) else {
        problems.append("\(path): '\(row[a])' or '\(row[b])' is none of the models")
        continue
      }
      // A model is scored again in each of its blocks: the same images, the same weights.
      if own[first] == nil { own[first] = scores(row, "_a") }
      if own[second] == nil { own[second] = scores(row, "_b") }
      let all = [scores(row, "")] + others.map { scores(row, "_" + $0) }
      if soups.updateValue(all, forKey: key(first, second)) != nil {
        problems.append("\(path): the soup of \(models[first].name) and \(models[second].name) is there twice")
      }
    }
  }

  /// To 1e-10: 0.9137 is 91.37, not 91.36999999999999.
  private static func percent(_ value: Double) -> String { "\((value * 1e12).rounded() / 1e10)" }

  // MARK: Writing

  /// The file of a policy's table, beside that of the first.
  public static func file(policy: String?) -> String {
    guard let policy else { return RunSpecification.table }
    return RunSpecification.table.replacing(".csv", with: "-\(policy).csv")
  }

  /// The table as CSV.
  /// - Parameter policy: one of `policies`.
  public func csv(policy: String? = nil) -> String {
    let place = policies.firstIndex(of: policy) ?? 0
    var columns = ["key_a", "key_b", "clean_accuracy", "clean_loss", "corrupted_accuracy", "corrupted_loss"]
    let areBranches = models.contains { $0.branch != nil }
    if areBranches { columns += ["branch_epoch_a", "branch_epoch_b", "variant_a", "variant_b"] }
    var lines = [columns.joined(separator: ",")]
    func add(_ a: Int, _ b: Int, _ scores: Scores) {
      var cells = [models[a].name, models[b].name] + scores.cells
      if areBranches {
        cells += [models[a].branch, models[b].branch].map { $0.map(String.init) ?? "" }
        cells += [models[a].variant ?? "", models[b].variant ?? ""]
      }
      lines.append(cells.joined(separator: ","))
    }
    for index in models.indices { if let scores = own[index] { add(index, index, scores) } }
    for (a, b) in pairs { if let scores = soups[key(a, b)] { add(a, b, scores[place]) } }
    return lines.joined(separator: "\n") + "\n"
  }

  /// A table of similarities with `key_a` and `key_b`, as `soup compare --csv` writes it, with the models' names in place of paths.
  /// - Throws: `StudyError` with code `bad-result` for a model that is not known.
  public func renamed(similarities path: String) throws(StudyError) -> String {
    let table = try PlainTable(contentsOf: path)
    guard let a = table.column("key_a") ?? table.column("a"), let b = table.column("key_b") ?? table.column("b") else {
      throw StudyError(.badResult, path, "has no columns key_a and key_b: \(table.columns.joined(separator: ", "))")
    }
    var header = table.columns
    header[a] = "key_a"
    header[b] = "key_b"
    var lines = [header.joined(separator: ",")]
    for row in table.rows {
      guard let first = place(String(row[a])), let second = place(String(row[b])) else {
        throw StudyError(.badResult, path, "'\(row[a])' or '\(row[b])' is none of the models")
      }
      var cells = row.map(String.init)
      cells[a] = models[first].name
      cells[b] = models[second].name
      lines.append(cells.joined(separator: ","))
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// What came of it, in numbers.
  public struct Summary: Encodable, Sendable {
    public let models: Int
    public let pairs: Int
    /// Soups more accurate than the best parent, and with a lower loss.
    public let gainAccuracy: Int
    public let gainLoss: Int

    private enum CodingKeys: String, CodingKey {
      case models, pairs
      case gainAccuracy = "gain_accuracy"
      case gainLoss = "gain_loss"
    }
  }

  public var summary: Summary {
    func count(_ cell: Int, _ sign: Double) -> Int {
      pairs.count { a, b in
        guard let soup = soups[key(a, b)].flatMap({ Double($0[0].cells[cell]) }),
          let first = own[a].flatMap({ Double($0.cells[cell]) }),
          let second = own[b].flatMap({ Double($0.cells[cell]) })
        else { return false }
        return sign * soup - max(sign * first, sign * second) > 1e-9
      }
    }
    return Summary(models: models.count, pairs: soups.count, gainAccuracy: count(0, 1), gainLoss: count(1, -1))
  }
}

/// CSV without quotes: a header, then as many fields in every row.
struct PlainTable {
  let columns: [String]
  let rows: [[Substring]]

  /// - Throws: `StudyError` with code `bad-result`, naming the line.
  init(contentsOf path: String) throws(StudyError) {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw StudyError(.badResult, path, "cannot be read")
    }
    let lines = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline)
    guard let header = lines.first else { throw StudyError(.badResult, path, "is empty") }
    columns = header.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    rows = lines.dropFirst().map { $0.split(separator: ",", omittingEmptySubsequences: false) }
    if let line = rows.firstIndex(where: { $0.count != columns.count }) {
      throw StudyError(
        .badResult, path, "line \(line + 2) has \(rows[line].count) fields, expected \(columns.count)")
    }
  }

  func column(_ name: String) -> Int? { columns.firstIndex(of: name) }
}

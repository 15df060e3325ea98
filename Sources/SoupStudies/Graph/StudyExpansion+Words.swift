import SoupTensors

// The words of command lines.
extension StudyExpansion {
  /// `{name}` is a model's checkpoint, `{ingredients}` all of them, `{out:file}` an output, `{data}` the data set.
  mutating func replaced(_ word: String, _ place: String, outputs: [String]) -> [RunSpecification.Word] {
    guard word.hasPrefix("{"), word.hasSuffix("}") else { return [.text(word)] }
    let name = String(word.dropFirst().dropLast())
    if name == "ingredients" { return models(nil, of: place).compactMap(\.word) }
    // `{average:pairs.csv}`: what another run has written.
    if let colon = name.firstIndex(of: ":"), let run = graph[String(name[..<colon])] {
      let output = String(name[name.index(after: colon)...])
      if !(run.outputs + [RunSpecification.printed]).contains(output) {
        problems.append(
          "\(place): '\(run.name)' writes no '\(output)'; it writes \(run.outputs.joined(separator: ", "))")
      }
      return [.result(of: run.name, file: output)]
    }
    if name == "data", let data = file.data { return [.text(data)] }
    if name.hasPrefix("out:") {
      let output = String(name.dropFirst(4))
      if !outputs.contains(output) { problems.append("\(place): '\(output)' is not among its outputs") }
      return [.output(output)]
    }
    return models([name], of: place).compactMap(\.word)
  }

  mutating func optionWords(_ item: Settings.Item, _ place: String) -> [RunSpecification.Word] {
    if case .fixed(let text?) = item.setting, text.hasPrefix("{") {
      return [.text("--" + item.name)] + replaced(text, "\(place).\(item.name)", outputs: [])
    }
    return Self.words(item.name, Self.fixedValue(item.setting))
  }

  /// Models by name; all ingredients for nil.
  mutating func models(_ names: [String]?, of place: String) -> [StudyModel] {
    let ingredients = graph.models.filter {
      $0.role == .ingredient || ($0.role == .base && file.ingredients?.includesBase == true)
    }
    guard let names else { return ingredients }
    return names.flatMap { name -> [StudyModel] in
      if name == "ingredients" { return ingredients }
      if let group = groups[name] { return group.compactMap { graph.model($0) } }
      if let model = graph.model(name), model.role != .ensemble { return [model] }
      let known =
        graph.models.filter { ![.ensemble, .ingredient, .stage].contains($0.role) }.map(\.name)
        + file.stages.map(\.name).filter { groups[$0] != nil }
      problems.append(
        "\(place): there is no model '\(name)' before it; known are \((known + ["ingredients"]).joined(separator: ", "))"
          + (ingredients.first.map { ", \($0.name) to \(ingredients.last!.name)" } ?? ""))
      return []
    }
  }

  func data() -> [RunSpecification.Word] { file.data.map { [.text("--data"), .text($0)] } ?? [] }

  var readings: [String] {
    file.inputs + (file.data.flatMap(Self.folder).map { [$0] } ?? [])
  }

  /// The folder in `cifar10:/data/cifar`.
  static func folder(_ data: String) -> String? {
    data.firstIndex(of: ":").map { String(data[data.index(after: $0)...]) }
  }

  static func folder(_ set: StudyFile.EvaluationSet) -> [String] {
    if case .fixed(let data?)? = set.options["data"], let folder = folder(data) { [folder] } else { [] }
  }

  static func fixedValue(_ setting: Setting) -> Setting.Value {
    switch setting {
    case .fixed(let text): text.map(Setting.Value.text) ?? .absent
    case .flag(let isSet): .flag(isSet)
    default: .absent
    }
  }

  /// Options that change how fast a result comes or where it is logged, not what it is.
  private static let details: Set<String> = ["threads", "loader-threads", "save-every", "tensorboard", "log"]

  static func words(_ option: String, _ value: Setting.Value) -> [RunSpecification.Word] {
    let word: (String) -> RunSpecification.Word = { details.contains(option) ? .detail($0) : .text($0) }
    switch value {
    case .text(let text):
      return text.hasPrefix("-") ? [word("--\(option)=\(text)")] : [word("--" + option), word(text)]
    case .flag(true): return [word("--" + option)]
    case .flag(false), .absent: return []
    }
  }
}

import ArgumentParser
import SoupMixing

/// A parameter's value on the command line: `0.5`, `0.5,0.3` for each model, `0:0.5:1` from the first layer to the last,
/// `attn=0.3` for tensors with that text in their names.
struct SettingText: ExpressibleByArgument {
  let text: String
  /// Part of the names of the tensors that it is for; nil for all.
  let filter: String?
  /// One for all models or one for each; empty for a model that it is not for.
  let values: [[Double]]
  /// What cannot be read as a number; nil if everything can.
  let problem: String?

  init(argument: String) {
    text = argument
    let mark = argument.firstIndex(of: "=")
    filter = mark.map { String(argument[..<$0]) }
    let list = mark.map { argument[argument.index(after: $0)...] } ?? argument[...]
    var problem: String?
    var values: [[Double]] = []
    for place in list.split(separator: ",", omittingEmptySubsequences: false) {
      // A filter may be for some models only: `attn=1,,2`.
      if place.isEmpty, mark != nil, list.contains(where: { $0 != "," }) {
        values.append([])
        continue
      }
      var numbers: [Double] = []
      for word in place.split(separator: ":", omittingEmptySubsequences: false) {
        if let number = Self.number(word) {
          numbers.append(number)
        } else {
          problem = problem ?? (word.isEmpty ? "a number is missing" : "'\(word)' is not a finite number")
        }
      }
      values.append(numbers)
    }
    if filter?.isEmpty == true { problem = "the text before '=' is missing" }
    self.values = values
    self.problem = problem
  }

  private static func number(_ word: Substring) -> Double? {
    switch word.lowercased() {
    case "true": 1
    case "false": 0
    default: Double(word).flatMap { $0.isFinite ? $0 : nil }
    }
  }

  /// Whether models have values of their own.
  var isList: Bool { values.count > 1 }

  /// The rule for a model; nil for none.
  func rule(_ model: Int) -> Setting.Rule? {
    let own = values[isList ? model : 0]
    return own.isEmpty ? nil : Setting.Rule(own, filter: filter)
  }
}

/// Everything that one option was given, in order: the first that is for a tensor gives its value.
struct ParameterText {
  /// As in a recipe: `select_topk`.
  let name: String
  let texts: [SettingText]

  var option: String { name == "weight" ? "--weights" : "--" + name.replacing("_", with: "-") }
  var isList: Bool { texts.contains(where: \.isList) }

  /// What is wrong with it, whatever the models are.
  func problems(_ parameter: MethodName.Parameter) -> [String] {
    var problems = texts.compactMap { text in text.problem.map { "\(option) \(text.text): \($0)" } }
    guard problems.isEmpty else { return problems }
    if !parameter.isPerIngredient, isList { problems.append("\(option) takes one value for all models") }
    for value in texts.flatMap(\.values).joined() {
      if let problem = parameter.problem(with: value) { problems.append("\(option): \(problem)") }
    }
    return problems
  }

  /// What is wrong with it for these models.
  func problems(_ models: [String], needsAll: Bool) -> [String] {
    texts.compactMap { text in
      guard text.isList || needsAll, text.values.count != models.count else { return nil }
      return "\(option) has \(text.values.count) number\(text.values.count == 1 ? "" : "s"), but there "
        + "\(models.count == 1 ? "is 1 ingredient" : "are \(models.count) ingredients"): "
        + models.joined(separator: ", ")
    }
  }

  /// For all models.
  var setting: Setting { Setting(texts.compactMap { $0.rule(0) }) }

  /// For one model; nil if nothing is for it.
  func setting(_ model: Int) -> Setting? {
    let rules = texts.compactMap { $0.rule(model) }
    return rules.isEmpty ? nil : Setting(rules)
  }
}

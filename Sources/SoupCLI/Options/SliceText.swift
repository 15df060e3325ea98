import ArgumentParser
import SoupMixing

/// Layers of the soup on the command line: `a.pt=0:16`, `a.pt=0:8+b.pt=4:12`, `a.pt=0:8+b.pt=0:8;weight=0.3,0.7`.
///
/// Sources are files with their layers, the first and the one after the last. What follows a semicolon are numbers in
/// this slice: one for the slice, or one for each source, in the form of `SettingText`.
struct SliceText: ExpressibleByArgument {
  let text: String
  let sources: [(path: String, layers: Range<Int>)]
  /// By name, as in a recipe.
  let parameters: [ParameterText]
  /// What cannot be read; nil if everything can.
  let problem: String?

  init(argument: String) {
    text = argument
    var sources: [(String, Range<Int>)] = []
    var parameters: [ParameterText] = []
    var problem: String?
    var rest = argument[...]
    // A path may have any of the marks in it, but hardly '=0:16' in front of one.
    while let (path, layers, tail) = Self.source(rest) {
      sources.append((path, layers))
      rest = tail
      guard rest.first == "+" else { break }
      rest = rest.dropFirst()
    }
    if sources.isEmpty || !(rest.isEmpty || rest.first == ";") {
      problem = "'\(rest)' is not a file and its layers, such as a.pt=0:16"
    } else {
      for word in rest.split(separator: ";") {
        guard let mark = word.firstIndex(of: "="), mark > word.startIndex else {
          problem = problem ?? "'\(word)' is not a parameter and its value, such as weight=0.5"
          continue
        }
        let value = SettingText(argument: String(word[word.index(after: mark)...]))
        problem = problem ?? value.problem.map { "'\(word)': \($0)" }
        parameters.append(ParameterText(name: String(word[..<mark]), texts: [value]))
      }
    }
    for parameter in parameters where parameter.isList && parameter.texts[0].values.count != sources.count {
      problem =
        problem
        ?? "\(parameter.name) has \(parameter.texts[0].values.count) numbers, but the slice has \(sources.count) "
        + "source\(sources.count == 1 ? "" : "s")"
    }
    self.sources = sources
    self.parameters = parameters
    self.problem = problem
  }

  /// The first source of a text, and what is behind it.
  private static func source(_ text: Substring) -> (path: String, layers: Range<Int>, rest: Substring)? {
    for mark in text.indices where text[mark] == "=" && mark > text.startIndex {
      let behind = text[text.index(after: mark)...]
      let word = behind.prefix { $0.isASCII && $0.isNumber || $0 == ":" }
      let numbers = word.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
      let rest = behind.dropFirst(word.count)
      guard numbers.count == 2, let first = numbers[0], let end = numbers[1], first <= end,
        rest.isEmpty || rest.first == "+" || rest.first == ";"
      else { continue }
      return (String(text[..<mark]), first..<end, rest)
    }
    return nil
  }

  /// The slice, with the paths of its files found.
  func slice(_ find: (String) throws -> String) rethrows -> Slice {
    var slice = Slice(try sources.map { Slice.Source(try find($0.path), $0.layers) })
    for parameter in parameters {
      if !parameter.isList {
        slice.parameters = (slice.parameters ?? [:]).merging([parameter.name: parameter.setting]) { $1 }
        continue
      }
      for index in slice.sources.indices {
        guard let setting = parameter.setting(index) else { continue }
        slice.sources[index].parameters = (slice.sources[index].parameters ?? [:])
          .merging([parameter.name: setting]) { $1 }
      }
    }
    return slice
  }
}

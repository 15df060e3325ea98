import Foundation

extension TrainingConfiguration {
  /// One line for each setting that differs, `optimizer.learning_rate: 0.1 → 0.05`, in alphabetical order.
  public func differences(from earlier: TrainingConfiguration) throws -> [String] {
    let before = try earlier.settings()
    let now = try settings()
    return Set(before.keys).union(now.keys).sorted().compactMap { key in
      let (old, new) = (before[key] ?? "none", now[key] ?? "none")
      return old == new ? nil : "\(key): \(old) → \(new)"
    }
  }

  /// All settings by their path in JSON, `optimizer.learning_rate`, as people write them.
  public func settings() throws -> [String: String] {
    let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(self))
    var settings: [String: String] = [:]
    try Self.flatten(object, path: "", into: &settings)
    return settings
  }

  private static func flatten(_ value: Any, path: String, into settings: inout [String: String]) throws {
    if let object = value as? [String: Any], !object.isEmpty {
      for (key, member) in object {
        try flatten(member, path: path.isEmpty ? key : path + "." + key, into: &settings)
      }
    } else if let text = value as? String {
      settings[path] = text
    } else if let list = value as? [String] {
      settings[path] = list.isEmpty ? "none" : list.joined(separator: ",")
    } else {
      let text = try JSONSerialization.data(
        withJSONObject: value, options: [.fragmentsAllowed, .sortedKeys, .withoutEscapingSlashes])
      settings[path] = String(decoding: text, as: UTF8.self)
    }
  }
}

/// What a tensor may be called, whatever the format.
enum TensorName {
  /// - Throws: `invalidName` for a name that is empty or could steer a terminal.
  static func check(_ name: String, path: String) throws(CheckpointError) {
    guard !name.isEmpty, !name.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else {
      throw CheckpointError(
        .invalidName, path, "a tensor's name is empty or has control characters: \(name.debugDescription)")
    }
  }
}

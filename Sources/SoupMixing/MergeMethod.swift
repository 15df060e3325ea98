/// A formula that makes one parameter of the soup from that parameter of every ingredient.
///
/// A method does no I/O and keeps no state: the mixer cuts every parameter into blocks and calls `merge` for each, from
/// several threads and in any order. Integer tensors (counters, indices) never reach it; they are copied.
public protocol MergeMethod: Sendable {
  /// The ingredient whose integer tensors the soup gets.
  var primaryIngredient: Int { get }

  /// Fills the block's output from its inputs.
  func merge(_ block: MergeBlock) throws
}

extension MergeMethod {
  public var primaryIngredient: Int { 0 }
}

import SoupTensors

/// A formula that makes one parameter of the soup from that parameter of every ingredient.
///
/// A method is a value: the formula's numbers, for one tensor. Integer tensors (counters, indices) never reach it; they
/// are copied. A method that needs no more than the elements themselves is a `BlockMethod`; one that must know the whole
/// tensor first (a norm, a threshold) gathers that through a `TensorMerger`.
public protocol MergeMethod: Sendable {
  /// The ingredient whose integer tensors the soup gets.
  var primaryIngredient: Int { get }

  /// Elements that must stay together in a block: 1, or the length of a row. Rows count from the first element.
  func rowLength(of tensor: MergeTensor) -> Int

  /// How to merge a tensor of this form.
  func merger(for tensor: MergeTensor) throws -> any TensorMerger
}

extension MergeMethod {
  public var primaryIngredient: Int { 0 }
  public func rowLength(of tensor: MergeTensor) -> Int { 1 }
}

/// The form of a tensor that is merged.
public struct MergeTensor: Sendable, Hashable {
  /// The soup's name for it.
  public let name: String
  public let shape: [Int]
  /// Whether an ingredient stores it in Float64: differences are then kept in Float64, otherwise rounded to Float32.
  public let isWide: Bool
  /// Number of elements.
  public var count: Int { shape.reduce(1, *) }

  public init(name: String, shape: [Int], isWide: Bool = false) {
    self.name = name
    self.shape = shape
    self.isWide = isWide
  }
}

/// One tensor on its way through a method: surveys of the whole tensor, as many as it asks for, then the merge.
///
/// The mixer cuts the tensor into blocks and calls `gather` and `merge` for each, from several threads and in any order.
public protocol TensorMerger: Sendable {
  /// What must be gathered over the whole tensor next; nil when `merge` may begin.
  var survey: Survey? { get }

  /// Adds one block's share.
  func gather(_ block: MergeBlock, into tally: inout Tally) throws

  /// Takes the whole tensor's numbers, after which `survey` is the next one or nil.
  mutating func conclude(_ tally: Tally) throws

  /// Fills the block's output from its inputs.
  func merge(_ block: MergeBlock) throws
}

/// A method that makes every element of the soup from the same element of the ingredients.
public protocol BlockMethod: MergeMethod, TensorMerger {}

extension BlockMethod {
  public func merger(for tensor: MergeTensor) -> any TensorMerger { self }
  public var survey: Survey? { nil }
  public func gather(_ block: MergeBlock, into tally: inout Tally) {}
  public mutating func conclude(_ tally: Tally) {}
}

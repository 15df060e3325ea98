import CKernels

/// The linear assignment problem: which column for which row, each taken once, so that the values add up to the most.
///
/// ```swift
/// LinearAssignment.maximizing([1, 5, 4, 2], count: 2)  // [1, 0]: 5 + 4
/// ```
/// - Source: Jonker and Volgenant, 1987, doi:10.1007/BF02278710; Crouse, 2016, doi:10.1109/TAES.2016.140952.
public enum LinearAssignment {
  /// - Parameters:
  ///   - values: `count × count` finite numbers, row after row.
  /// - Returns: the column of each row.
  /// - Complexity: O(n³) at worst; 2,048 rows take a second or so.
  public static func maximizing(_ values: [Double], count: Int) -> [Int] {
    values.withUnsafeBufferPointer { maximizing($0, count: count) }
  }

  static func maximizing(_ values: UnsafeBufferPointer<Double>, count: Int) -> [Int] {
    precondition(values.count == count * count, "\(values.count) values for \(count) rows")
    precondition(values.allSatisfy(\.isFinite), "assignments need finite values")
    let scratch = UnsafeMutableRawPointer.allocate(byteCount: ck_assign_scratch(count), alignment: 64)
    defer { scratch.deallocate() }
    var columns = [UInt32](repeating: 0, count: count)
    ck_assign(ck_best_level(), count, values.baseAddress, &columns, scratch)
    return columns.map(Int.init)
  }
}

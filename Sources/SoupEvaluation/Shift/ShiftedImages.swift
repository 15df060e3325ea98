import SoupAnalysis
import SoupData
import SoupTensors

/// The same labelled images in several versions: under every corruption at every severity, computed as they are needed or read
/// from files.
///
/// ```swift
/// let shift = try ShiftedImages(test, suite: .cifarC, severities: [3])
/// let outcomes = try scorer.outcomes(of: recipes, under: shift)
/// ```
public struct ShiftedImages: Sendable {
  /// One version of all images.
  public struct Version: Sendable {
    /// `fog`; `clean` for the images as they are.
    public let name: String
    /// 1 to 5; 0 for the images as they are.
    public let severity: Int
    let source: Source

    public var isClean: Bool { severity == 0 }
  }

  enum Source: Sendable {
    case clean
    case corrupted(Corruption, seed: UInt64)
    case stored(open: @Sendable () throws -> any ImageDataset)
  }

  /// `cifar-c`.
  public let name: String
  /// The images as they are; of what lies on disk, those of the first version.
  public let base: any ImageDataset
  /// Which images of `base`, ascending.
  public let positions: [Int]
  /// In the order of the benchmark: severities of the first corruption, then of the second, …; the clean images come first.
  public let versions: [Version]
  /// What is scored in the place of classes.
  public let groups: SuperClasses?
  /// Of each of `positions`: classes, or groups.
  public let labels: [Int]
  /// Of each of `positions` every class that counts as right; nil where that is its label alone, and where groups are scored.
  public let targets: [[Int]]?

  /// Names of what is scored.
  public var classNames: [String] { groups?.names ?? base.classNames }
  /// Images in one version.
  public var count: Int { positions.count }
  /// Names of the corruptions, in order.
  public var corruptions: [String] {
    var names: [String] = []
    for version in versions where !version.isClean && names.last != version.name { names.append(version.name) }
    return names
  }

  /// Corruptions that are computed in memory.
  ///
  /// An image's version is a function of the seed, its position in `base`, the corruption and the severity: the pixels of
  /// `CorruptedDataset`, whatever else is evaluated.
  /// - Parameters:
  ///   - kinds: some of the suite's corruptions; nil for all.
  ///   - table: which published strengths; by the images' size unless named.
  ///   - images: how many to take, evenly over `base`; nil for all.
  ///   - groups: what is scored in the place of classes; images that are in none are left out.
  /// - Throws: `DataError.invalidRequest` for images that cannot be corrupted, a kind that the suite has not, or a severity outside
  ///   1…5; `EvaluationError` for no images.
  public init(
    _ base: any ImageDataset, suite: CorruptionSuite, kinds: [CorruptionKind]? = nil, severities: [Int] = Array(1...5),
    table: CorruptionTable = .automatic, seed: UInt64 = 0, images: Int? = nil,
    groups: SuperClasses? = nil, bank: TextureBank? = nil
  ) throws {
    guard base.channels == 1 || base.channels == 3 else {
      throw DataError(
        .invalidRequest, "\(base.name) cannot be corrupted", expected: "1 or 3 channels", found: "\(base.channels)")
    }
    let foreign = (kinds ?? []).filter { !suite.kinds.contains($0) }
    guard foreign.isEmpty else {
      throw DataError(
        .invalidRequest, "\(suite.rawValue) has no \(foreign.map(\.rawValue).joined(separator: ", "))",
        expected: suite.kinds.map(\.rawValue).joined(separator: ", "))
    }
    var versions = [Version(name: "clean", severity: 0, source: .clean)]
    for kind in suite.kinds where kinds?.contains(kind) ?? true {
      for severity in Set(severities).sorted() {
        let corruption = try Corruption(kind, severity: severity, table: table, bank: bank)
        versions.append(Version(name: kind.rawValue, severity: severity, source: .corrupted(corruption, seed: seed)))
      }
    }
    try self.init(name: suite.rawValue, base, versions, images: images, groups)
  }

  /// Versions that lie on disk: CIFAR-10-C, the folders of ImageNet-C.
  ///
  /// Each is opened when its turn comes and forgotten afterwards. That all are of the same images in the same order is checked
  /// then, by their number, size and labels.
  /// - Parameter stored: what opens each; severities from 1.
  /// - Throws: `EvaluationError` for no versions; what opening the first throws.
  public init(
    name: String, stored: [(name: String, severity: Int, open: @Sendable () throws -> any ImageDataset)],
    images: Int? = nil, groups: SuperClasses? = nil
  ) throws {
    guard let first = stored.first else { throw EvaluationError(.noData, "\(name) has no corruptions") }
    try self.init(
      name: name, first.open(),
      stored.map { Version(name: $0.name, severity: $0.severity, source: .stored(open: $0.open)) }, images: images,
      groups)
  }

  private init(
    name: String, _ base: any ImageDataset, _ versions: [Version], images: Int?, _ groups: SuperClasses?
  ) throws {
    self.name = name
    self.base = base
    self.versions = versions
    self.groups = groups
    func label(_ position: Int) -> Int? {
      let label = base.label(at: position)
      return groups.map { $0[label] } ?? label
    }
    let wanted = (0..<base.count).filter { label($0) != nil }
    guard !wanted.isEmpty else { throw EvaluationError(.noData, "\(base.name) has no images to evaluate on") }
    let count = min(images ?? wanted.count, wanted.count)
    guard count > 0 else { throw EvaluationError(.noData, "at least one image is needed, found \(count)") }
    positions = (0..<count).map { wanted[$0 * wanted.count / count] }
    labels = positions.map { label($0)! }
    let targets = groups == nil ? positions.map(base.targets(at:)) : []
    self.targets = zip(targets, labels).contains { $0 != [$1] } ? targets : nil
  }

  /// Positions in `versions` of one corruption.
  public func versions(of corruption: String) -> [Int] { versions.indices.filter { versions[$0].name == corruption } }

  /// Positions in `versions` of all that are corrupted.
  public var shifted: [Int] { versions.indices.filter { !versions[$0].isClean } }
}

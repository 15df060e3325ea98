import Foundation
import GRDB

/// The state of all runs of a study, in SQLite.
///
/// One process writes: the one that holds the study's lock. Jobs never open the file; they leave `result.json` in their
/// folders, which the writer collects. So nothing depends on SQLite's locks, which network disks do not always keep, and
/// the store can be made anew from the folders. Its journal is the classic one (not write-ahead logging, which needs
/// memory shared between machines); readers see the last complete state.
public final class StudyStore {
  /// A run as it stands.
  public struct Run: Codable, Sendable, Hashable, FetchableRecord, PersistableRecord {
    public static let databaseTableName = "run"

    public enum State: String, Codable, Sendable, CaseIterable {
      /// It needs results that are not there yet.
      case waiting
      /// It can start.
      case ready
      /// A cluster has it.
      case queued
      case running
      case done
      case failed
      /// It needs the result of a run that failed.
      case blocked
    }

    public var id: String
    public var name: String
    public var kind: RunSpecification.Kind
    /// The name of its folder in `runs/`.
    public var folder: String
    /// Its place in the graph of the present file; nil for runs of earlier versions.
    public var position: Int?
    public var state: State
    /// The command line, as a JSON array.
    public var command: String
    /// Names of the runs that it needs, as a JSON array.
    public var needs: String
    public var attempts = 0
    public var started: Double?
    public var finished: Double?
    public var host: String?
    public var threads: Int?
    public var error: String?
    /// What the command printed: JSON, one value a line.
    public var printed: String?
    /// Job and task on a cluster, as `42_3`.
    public var slurm: String?

    public var seconds: Double? { if let started, let finished { finished - started } else { nil } }
  }

  private let database: any DatabaseWriter & DatabaseReader

  /// Opens the store.
  /// - Parameter readOnly: for everybody but the one that holds the study's lock.
  public init(path: String, readOnly: Bool) throws {
    var configuration = Configuration()
    configuration.readonly = readOnly
    configuration.busyMode = .timeout(10)
    configuration.label = "study"
    let queue = try DatabaseQueue(path: path, configuration: configuration)
    database = queue
    if !readOnly { try Self.migrator.migrate(queue) }
  }

  /// A store that is nowhere: nothing was run.
  public init() throws {
    let queue = try DatabaseQueue()
    database = queue
    try Self.migrator.migrate(queue)
  }

  private static var migrator: DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1") { database in
      try database.create(table: "run") { table in
        table.primaryKey("id", .text)
        table.column("name", .text).notNull()
        table.column("kind", .text).notNull()
        table.column("folder", .text).notNull()
        table.column("position", .integer).indexed()
        table.column("state", .text).notNull()
        table.column("command", .text).notNull()
        table.column("needs", .text).notNull()
        table.column("attempts", .integer).notNull().defaults(to: 0)
        table.column("started", .double)
        table.column("finished", .double)
        table.column("host", .text)
        table.column("threads", .integer)
        table.column("error", .text)
        table.column("printed", .text)
        table.column("slurm", .text)
      }
      try database.create(table: "attempt") { table in
        table.column("run", .text).notNull().references("run", onDelete: .cascade)
        table.column("number", .integer).notNull()
        table.column("began", .double).notNull()
        table.column("ended", .double)
        table.column("host", .text).notNull()
        table.column("slurm", .text)
        // done, failed, stopped; null while it runs, and for one that was killed.
        table.column("outcome", .text)
        table.column("error", .text)
        table.primaryKey(["run", "number"])
      }
      try database.create(table: "fingerprint") { table in
        table.primaryKey("path", .text)
        table.column("size", .integer).notNull()
        table.column("changed", .integer).notNull()
        table.column("hash", .text).notNull()
      }
      try database.create(table: "setting") { table in
        table.primaryKey("name", .text)
        table.column("value", .text).notNull()
      }
    }
    migrator.registerMigration("2") { database in
      // Comparisons of models image by image, which take longer to compute than to keep.
      try database.create(table: "statistic") { table in
        table.primaryKey("name", .text)
        table.column("value", .text).notNull()
      }
    }
    return migrator
  }

  // MARK: Runs

  /// All runs of the present file, in the order of the graph.
  public func runs() throws -> [Run] {
    try database.read { try Run.filter(Column("position") != nil).order(Column("position")).fetchAll($0) }
  }

  /// Every run by its identity, those of earlier versions of the file too.
  public func everyRun() throws -> [String: Run] {
    let runs = try database.read { try Run.fetchAll($0) }
    return Dictionary(runs.map { ($0.id, $0) }) { first, _ in first }
  }

  public func save(_ runs: [Run]) throws {
    try database.write { database in for run in runs { try run.save(database) } }
  }

  /// Makes these the runs of the present file; others stay as they are, without a position.
  public func replaceCurrent(by runs: [Run]) throws {
    try database.write { database in
      try database.execute(sql: "UPDATE run SET position = NULL")
      for run in runs { try run.save(database) }
    }
  }

  /// Keeps what the job's own notes say about the attempts of a run.
  func save(attempts events: [RunFolder.Event], of run: String) throws {
    try database.write { database in
      for (number, events) in Dictionary(grouping: events, by: \.attempt) {
        let begin = events.first { $0.event == .begin } ?? events[0]
        let end = events.last { $0.event != .begin }
        try database.execute(
          sql: """
            INSERT OR REPLACE INTO attempt (run, number, began, ended, host, slurm, outcome, error)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """,
          arguments: [
            run, number, begin.time, end?.time, begin.host, begin.slurm, end?.event.rawValue, end?.error,
          ])
      }
    }
  }

  // MARK: Fingerprints and settings

  public func fingerprints() throws -> [Fingerprints.Entry] {
    try database.read { database in
      try Row.fetchAll(database, sql: "SELECT path, size, changed, hash FROM fingerprint").map {
        Fingerprints.Entry(path: $0["path"], size: $0["size"], changed: $0["changed"], hash: $0["hash"])
      }
    }
  }

  public func save(_ entries: [Fingerprints.Entry]) throws {
    try database.write { database in
      for entry in entries {
        try database.execute(
          sql: "INSERT OR REPLACE INTO fingerprint (path, size, changed, hash) VALUES (?, ?, ?, ?)",
          arguments: [entry.path, entry.size, entry.changed, entry.hash])
      }
    }
  }

  func statistics() throws -> [String: String] {
    try database.read { database in
      let rows = try Row.fetchAll(database, sql: "SELECT name, value FROM statistic")
      return Dictionary(rows.map { ($0["name"], $0["value"]) }) { first, _ in first }
    }
  }

  func save(statistics: [String: String]) throws {
    try database.write { database in
      for (name, value) in statistics {
        try database.execute(
          sql: "INSERT OR REPLACE INTO statistic (name, value) VALUES (?, ?)", arguments: [name, value])
      }
    }
  }

  public subscript(setting name: String) -> String? {
    get {
      try? database.read { try String.fetchOne($0, sql: "SELECT value FROM setting WHERE name = ?", arguments: [name]) }
    }
    set {
      try? database.write {
        try $0.execute(sql: "INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", arguments: [name, newValue])
      }
    }
  }
}

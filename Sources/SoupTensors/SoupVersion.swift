/// The version of this package, as `soup --version` prints it and checkpoints record it.
public enum SoupVersion {
  public static let current = "0.1.0"
}

/// The version of Sluice, in one place: what `sluice --version` prints, metrics show and CHANGELOG.md begins with.
public enum SluiceVersion {
    /// A version of Semantic Versioning.
    public static let current = "0.2.0"
}

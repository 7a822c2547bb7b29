/// Where a record that isn't retired stands.
public enum RecordState: String, Sendable, CaseIterable {
    /// A receive would return it now.
    case visible
    /// A publisher has it.
    case inFlight
    /// It waits for its retry.
    case delayed
}

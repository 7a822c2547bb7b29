/// Why a report of another process can't be read.
public struct LatencyReportError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was wrong with it.
    public let description: String

    init(_ description: String) { self.description = description }
}

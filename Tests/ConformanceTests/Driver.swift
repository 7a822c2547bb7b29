import ChangeQueue
import SluiceCore
import SubscriptionRegistry
import TestSupport
import Testing

/// The drivers that the suite runs on: what is said here of one holds for all.
///
/// Another driver is a case here and its ends in a file beside ``MemoryEnds`` and ``LocalEnds``.
enum Driver: String, CaseIterable, CustomTestStringConvertible {
    /// `SluiceTesting`: the reference.
    case memory
    /// LMDB and SQLite in a data directory of this machine.
    case local

    var testDescription: String { rawValue }

    /// An empty log with its queues and bells.
    func log(_ limit: (inout ChangeLogConfiguration) -> Void = { _ in }) throws -> any LogEnds {
        var limits = ChangeLogConfiguration()
        limits.mapSizeBytes = 64 << 20
        limits.maximumReaders = 64
        limits.retentionAge = .seconds(3600 * 24 * 365 * 100)
        limit(&limits)
        return switch self {
        case .memory: MemoryLogEnds(limits)
        case .local: try LocalLogEnds(limits)
        }
    }

    /// An empty registry.
    func registry(_ limit: (inout RegistryConfiguration) -> Void = { _ in }) throws -> any RegistryEnds {
        var configuration = RegistryConfiguration()
        limit(&configuration)
        return switch self {
        case .memory: MemoryRegistryEnds(configuration)
        case .local: try LocalRegistryEnds(configuration)
        }
    }
}

/// A log with everything that stands on it.
protocol LogEnds: AnyObject, Sendable {
    var appending: any LogAppending { get }
    var reading: any LogReading { get }
    /// Rings the bells, as a commit of another process does.
    var signal: any LogSignal { get }
    func bell() throws -> any LogBell
    /// Opens a publisher's end of a queue. One that is let go without being closed was killed.
    func queue(_ id: QueueID, _ attributes: QueueAttributes) throws -> any ChangeQueue
    /// Removes the records before `first`, as retention does.
    func trim(before first: UInt64) throws
}

extension LogEnds {
    func queue(_ semantics: QueueSemantics) throws -> any ChangeQueue {
        try queue(semantics.queueID, semantics.attributes)
    }

    /// Appends so many records, to seven topics in turn.
    func append(_ count: Int) async throws {
        let last = try reading.lastSequence().rawValue
        _ = try await appending.append((0..<UInt64(count)).map { draft("t\((last + $0) % 7)") })
    }

    /// Every record that the log has.
    func records() throws -> [ChangeRecord] {
        let last = try reading.lastSequence().rawValue
        var records: [ChangeRecord] = []
        for sequence in 0...last {
            if let record = try reading.record(at: SequenceNumber(sequence)) { records.append(record) }
        }
        return records
    }
}

/// A registry, and the clock that its leases go by.
protocol RegistryEnds: AnyObject, Sendable {
    /// A gateway's end, not started. One that is let go without being closed was killed.
    func gateway(_ name: String) -> (id: GatewayID, directory: any SubscriptionDirectory)
    /// A publisher's end.
    func publisher() throws -> any SubscriptionFollowing
    func advance(seconds: UInt64)
}

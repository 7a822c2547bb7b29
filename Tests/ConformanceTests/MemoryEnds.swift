import ChangeQueue
import SluiceCore
import SluiceTesting
import SubscriptionRegistry
import TestSupport

/// A log in memory.
final class MemoryLogEnds: LogEnds {
    private let log: MemoryLog

    init(_ limits: ChangeLogConfiguration) { log = MemoryLog(limits: limits) }

    var appending: any LogAppending { log }
    var reading: any LogReading { log }
    var signal: any LogSignal { log.bells }

    func bell() throws -> any LogBell { try log.bells.makeBell() }

    func queue(_ id: QueueID, _ attributes: QueueAttributes) throws -> any ChangeQueue { try log.queue(id, attributes) }

    func trim(before first: UInt64) { log.trim(before: SequenceNumber(first)) }
}

/// A registry in memory.
final class MemoryRegistryEnds: RegistryEnds {
    private let registry: MemoryRegistry
    private let clock = HandClock(1_700_000_000_000_000_000)

    init(_ configuration: RegistryConfiguration) {
        var configuration = configuration
        configuration.wallNanoseconds = { [clock] in clock.now }
        registry = MemoryRegistry(configuration: configuration)
    }

    func gateway(_ name: String) -> (id: GatewayID, directory: any SubscriptionDirectory) {
        let row = GatewayRow.named(name, at: clock)
        return (row.id, registry.directory(row))
    }

    func publisher() -> any SubscriptionFollowing { registry.following() }

    func advance(seconds: UInt64) { clock.advance(seconds: seconds) }
}

extension GatewayRow {
    /// A gateway that starts now.
    static func named(_ name: String, at clock: HandClock) -> GatewayRow {
        GatewayRow(
            id: .random(),
            name: name,
            linkAddress: "unix:/\(name)",
            httpAddress: "http://\(name)",
            startedAtNanoseconds: clock.now
        )
    }
}

import Logging
package import SluiceCore
package import SubscriptionRegistry

/// Topic → gateways, in a publisher's memory: loaded once, then kept up to date from the registry's change feed.
///
/// Used on one thread. What a gateway has committed before ``refresh()`` is called is seen by it, which is the publisher's half of the
/// subscribe barrier (docs/decisions/resolve-then-expand.md).
package final class SubscriptionIndex: SubscriptionFollowing {
    private let registry: RegistryDatabase
    private var reader: RegistryReader?
    private var view = TopicGateways()
    private var leases: LeaseWatch
    private var seenVersion: Int64?
    private var seenChange: Int64 = 0
    private var nextCheckNanoseconds: UInt64 = 0
    /// Gateways of a file that was lost, which haven't registered in the new one yet.
    ///
    /// They are kept until their lease lapses.
    private var carried: Set<GatewayID> = []
    /// Times that everything was read, for tests.
    private(set) var loads = 0

    private var configuration: RegistryConfiguration { registry.file.configuration }

    /// Reads everything.
    /// - Throws: `RegistryError` when the file can't be read.
    package init(registry: RegistryDatabase) throws(RegistryError) {
        self.registry = registry
        let configuration = registry.file.configuration
        leases = LeaseWatch(
            patienceNanoseconds: configuration.renewalNanoseconds &+ 2 &* configuration.checkNanoseconds
        )
        try refresh()
    }

    /// The gateways with a subscriber of `topic`.
    package func gateways(for topic: Topic) -> [GatewayID] { view.gateways(for: topic) }

    /// The gateways with a subscriber, for each of the topics: with many topics in memory a batch costs less than its topics one by one.
    package func gateways(for topics: [Topic]) -> [[GatewayID]] { view.gateways(for: topics) }

    /// The gateways that the registry holds, oldest first.
    package var liveGateways: [GatewayRow] { view.gateways }

    /// Topics with a subscriber.
    package var topicCount: Int { view.topicCount }

    /// Follows what was committed since the last call.
    ///
    /// When nothing was, it costs a look at SQLite's shared memory, so that it may be called for each batch. Now and
    /// then it also removes the gateways whose lease has lapsed.
    /// - Returns: whether a gateway or a topic has changed.
    /// - Throws: `RegistryError` when the file can't be read. What was known before stays.
    @discardableResult
    package func refresh() throws(RegistryError) -> Bool {
        do {
            return try refreshOnce()
        } catch {
            guard error.code == .corrupt else { throw error }
            if let reader { try registry.file.setAside(reader.connection, because: error) }
            return try refreshOnce()
        }
    }

    private func refreshOnce() throws(RegistryError) -> Bool {
        let now = StageClock.nowNanoseconds()
        do {
            guard now >= nextCheckNanoseconds else { return try follow() }
            var hasChanged = try reopenIfReplaced()
            hasChanged = try follow() || hasChanged
            hasChanged = try removeLapsed(monotonicNanoseconds: now) || hasChanged
            nextCheckNanoseconds = now &+ configuration.checkNanoseconds
            return hasChanged
        } catch {
            // The next call looks at everything again.
            nextCheckNanoseconds = 0
            seenVersion = nil
            throw RegistryError(error, "follow its changes", path: registry.file.path)
        }
    }

    /// Where publishers keep their rows.
    package var publishers: any PublisherRecording { registry }

    // MARK: - The feed

    private func follow() throws -> Bool {
        guard let reader else { return false }
        let version = try reader.dataVersion()
        guard version != seenVersion else { return false }
        // A gateway that finds the file replaced commits to the old one first, so that this look is not too late (``FeedKind/moved``).
        if try reopenIfReplaced() { return true }
        var hasChanged = false
        if let entries = try reader.changes(after: seenChange) {
            hasChanged = try apply(entries, reader)
        } else {
            try load(reader, carrying: carried)
            hasChanged = true
        }
        seenVersion = version
        return hasChanged
    }

    private func apply(_ entries: [FeedEntry], _ reader: RegistryReader) throws -> Bool {
        guard let newest = entries.last?.id else { return false }
        var rows: [GatewayID: GatewayRow]?
        for entry in entries {
            switch entry.kind {
            case .interestAdded:
                if let topic = entry.topic { view.add(entry.gateway, to: topic) }
            case .interestRemoved:
                if let topic = entry.topic { view.remove(entry.gateway, from: topic) }
            case .gatewayAdded, .gatewayChanged:
                let known = try rows ?? Dictionary(uniqueKeysWithValues: reader.gateways().map { ($0.id, $0) })
                rows = known
                if entry.kind == .gatewayAdded { view.removeTopics(of: entry.gateway) }
                carried.remove(entry.gateway)
                // Nil: it has been removed since, which a later entry says.
                if let row = known[entry.gateway] { view.set(row) }
            case .gatewayRemoved:
                carried.remove(entry.gateway)
                view.remove(entry.gateway)
            case .moved, nil: break
            }
        }
        seenChange = newest
        return true
    }

    private func load(_ reader: RegistryReader, carrying gateways: Set<GatewayID>) throws {
        let snapshot = try reader.snapshot()
        var loaded = TopicGateways()
        for gateway in snapshot.gateways { loaded.set(gateway) }
        for (gateway, topic) in snapshot.interests { loaded.add(gateway, to: topic) }
        let missing = gateways.filter { !loaded.contains($0) }
        for row in view.gateways where missing.contains(row.id) {
            loaded.set(row)
            for topic in view.topics(of: row.id) { loaded.add(row.id, to: topic) }
        }
        view = loaded
        carried = missing
        seenChange = snapshot.newestChange
        loads += 1
    }

    // MARK: - The file

    /// Opens the file at the path unless it is open.
    /// - Returns: whether it was opened, and everything read.
    private func reopenIfReplaced() throws -> Bool {
        if let reader, reader.connection.isCurrent { return false }
        let opened = try RegistryReader(registry.file)
        let version = try opened.dataVersion()
        // The gateways write themselves into the new file within seconds. Until then they are as live as they were.
        try load(opened, carrying: Set(view.gateways.map(\.id)))
        reader = opened
        seenVersion = version
        return true
    }

    // MARK: - Leases

    private func removeLapsed(monotonicNanoseconds: UInt64) throws -> Bool {
        guard let reader else { return false }
        var rows = try reader.gateways()
        rows += view.gateways.filter { carried.contains($0.id) }
        let lapsed = leases.observe(
            rows,
            wallNanoseconds: configuration.wallNanoseconds(),
            monotonicNanoseconds: monotonicNanoseconds
        )
        guard !lapsed.isEmpty else { return false }
        let removed = try registry.remove(lapsed.filter { !carried.contains($0.gateway) })
        for gateway in removed {
            registry.file.logger.notice("removed a gateway whose lease has lapsed", metadata: ["gateway": "\(gateway)"])
        }
        for lapse in lapsed where carried.remove(lapse.gateway) != nil { view.remove(lapse.gateway) }
        _ = try follow()
        return true
    }
}

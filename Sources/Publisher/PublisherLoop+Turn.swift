import ChangeQueue
import Logging
import NIOCore
import SluiceCore
import SubscriptionRegistry

/// From the queue to the workers.
extension PublisherLoop {
    /// Receives, and starts a batch when one is due.
    /// - Returns: whether there was anything to do.
    func turn(_ now: UInt64) throws -> Bool {
        if now >= nextHeartbeat { try heartbeat(now) }
        if now >= nextRenewal, let row = presence.row { renew(row, now) }
        if !batches.hasIdleWorker { batches.passOver(nowNanoseconds: now) }
        guard stopBy == nil, batches.hasIdleWorker else { return false }
        let received = try receive()
        if received == 0, now >= nextFollowing { try followRegistry(now) }
        switch window.decide(nowNanoseconds: StageClock.nowNanoseconds()) {
        case .empty, .wait: return received > 0
        case .ship: break
        }
        try followRegistry(now)
        let records = window.removeBatch()
        let entries = resolver.resolve(records, answered: batches)
        let resolvedAt = StageClock.nowNanoseconds()
        latency.resolved(records, receivedAt: receivedAtNanoseconds, resolvedAt: resolvedAt)
        perform(
            batches.start(
                Batch(
                    entries: entries,
                    receivedAtNanoseconds: receivedAtNanoseconds,
                    resolvedAtNanoseconds: resolvedAt
                ),
                nowNanoseconds: resolvedAt
            )
        )
        return true
    }

    private func receive() throws -> Int {
        guard window.roomRecords > 0 else { return 0 }
        let trimmedBefore = queue.trimmedRecords
        defer { latency.countTrimmed(queue.trimmedRecords - trimmedBefore) }
        let received = try queue.receive(
            maximumRecords: window.roomRecords,
            maximumBytes: window.roomBytes,
            nowNanoseconds: StageClock.wallNanoseconds()
        )
        guard !received.isEmpty else { return 0 }
        receivedAtNanoseconds = StageClock.nowNanoseconds()
        latency.received(received, at: receivedAtNanoseconds)
        window.gather(received, nowNanoseconds: receivedAtNanoseconds)
        return received.count
    }

    private func followRegistry(_ now: UInt64) throws {
        nextFollowing = now &+ PublisherLoop.followingNanoseconds
        if try resolver.refresh() { followGateways() }
    }

    private func followGateways() {
        links.follow(resolver.gateways)
        perform(batches.follow(resolver.gateways.lazy.map(\.id)))
    }

    private func heartbeat(_ now: UInt64) throws {
        nextHeartbeat = now &+ PublisherLoop.heartbeatNanoseconds
        _ = try queue.heartbeat(nowNanoseconds: StageClock.wallNanoseconds())
        try restoreBell()
        _ = try resolver.refresh()
        followGateways()
        latency.heartbeat(linksConnected: links.connectedCount, isReady: row == .written)
        if now >= nextDepth { try measureDepth(now) }
    }

    /// Looks at the queue for who watches it: every few seconds, and seldom enough that it takes a thousandth of the time.
    private func measureDepth(_ now: UInt64) throws {
        let began = StageClock.nowNanoseconds()
        latency.depth(try queue.depth(nowNanoseconds: StageClock.wallNanoseconds()))
        let taken = StageClock.nowNanoseconds() &- began
        nextDepth = now &+ max(PublisherLoop.depthNanoseconds, taken &* 1_000)
    }

    /// Keeps this publisher's row in the registry; from the first one on, `sluice latency` finds it and it is ready.
    private func renew(_ row: PublisherRow, _ now: UInt64) {
        // The next one comes when this one has ended.
        nextRenewal = .max
        let loop = NIOLoopBound(self, eventLoop: eventLoop)
        renewal.renew(row, on: eventLoop) { failure in loop.value.renewed(failure) }
    }

    private func renewed(_ failure: RegistryError?) {
        let now = StageClock.nowNanoseconds()
        if let failure {
            logger.error("this publisher's row can't be renewed, trying again", metadata: ["error": "\(failure)"])
            latency.failed()
            row = .unwritten
            nextRenewal = now &+ PublisherLoop.heartbeatNanoseconds
        } else {
            nextRenewal = now &+ PublisherLoop.renewalNanoseconds
            row = .written
            latency.heartbeat(linksConnected: links.connectedCount, isReady: true)
        }
    }
}

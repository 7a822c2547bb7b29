import SluiceCore
import TestSupport
import Testing

@testable import Gateway

private let second: UInt64 = 1_000_000_000

@Suite("Rates")
struct RateTests {
    @Test("a burst goes through at once, then one an interval")
    func burst() {
        let limit = RateLimit(perSecond: 10, burst: 5)
        var bucket = RateBucket()
        let start = 100 * second
        for _ in 0..<5 { #expect(bucket.admit(1, limit, now: start) == nil) }
        let wait = bucket.admit(1, limit, now: start)
        #expect(wait == second / 10)
        #expect(bucket.admit(1, limit, now: start + (wait ?? 0)) == nil)
        #expect(bucket.admit(1, limit, now: start + (wait ?? 0)) != nil)
    }

    @Test("what is refused isn't charged")
    func refusedIsFree() {
        let limit = RateLimit(perSecond: 1, burst: 1)
        var bucket = RateBucket()
        #expect(bucket.admit(1, limit, now: second) == nil)
        for _ in 0..<1_000 { #expect(bucket.admit(1, limit, now: second) == second) }
        #expect(bucket.admit(1, limit, now: 2 * second) == nil)
    }

    @Test("a piece larger than the burst goes through, and the next waits as long as it was large")
    func largePieces() {
        let limit = RateLimit(perSecond: 100, burst: 10)
        var bucket = RateBucket()
        #expect(bucket.admit(1_000, limit, now: 0) == nil)
        let wait = bucket.wait(limit, now: 0)
        #expect(wait > 9 * second && wait <= 10 * second)
        #expect(bucket.wait(limit, now: wait) == 0)
    }

    @Test("over any schedule no more is admitted than burst and rate allow, and whoever waits as told is let in")
    func randomSchedules() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let limit = RateLimit(
                perSecond: Double(Int.random(in: 1...1_000, using: &generator)),
                burst: Double(Int.random(in: 1...200, using: &generator))
            )
            var bucket = RateBucket()
            var now: UInt64 = second
            let start = now
            var admitted = 0
            for _ in 0..<300 {
                now += UInt64.random(in: 0...second / 50, using: &generator)
                if let wait = bucket.admit(1, limit, now: now) {
                    var patient = bucket
                    #expect(patient.admit(1, limit, now: now + wait) == nil, "seed \(seed)")
                } else {
                    admitted += 1
                }
                let most = limit.burst + Double(now - start) / Double(second) * limit.perSecond
                #expect(Double(admitted) <= most + 1, "seed \(seed)")
            }
        }
    }

    @Test("a table forgets whoever has paused, and has no room for strangers at its limit")
    func tables() {
        var table = RateTable<Int>(RateLimit(perSecond: 1, burst: 1), maximumEntries: 2_000)
        for key in 0..<100_000 {
            let now = UInt64(key) * second / 1_000
            #expect(table.wait(for: key, now: now) == 0)
            table.take(1, for: key, now: now)
        }
        #expect(table.count <= 2_000)
        var crowd = RateTable<Int>(RateLimit(perSecond: 0.001, burst: 1), maximumEntries: 2_000)
        for key in 0..<2_000 {
            #expect(crowd.wait(for: key, now: 0) == 0)
            crowd.take(1, for: key, now: 0)
        }
        #expect(crowd.wait(for: 5_000, now: 0) > 0)
        #expect(crowd.wait(for: 5_000, now: 2_000 * second) == 0)
    }
}

@Suite("Who has how many connections")
struct ConnectionLedgerTests {
    private let home = PeerNetwork.ipv4(1)
    private let other = PeerNetwork.ipv4(2)

    private func reached(
        _ ledger: inout ConnectionLedger,
        _ address: PeerNetwork?,
        now: UInt64 = 0
    ) -> ConnectionLedger.Reached? {
        do throws(ConnectionLedger.Reached) {
            try ledger.open(from: address, now: now)
            return nil
        } catch {
            return error
        }
    }

    @Test("an address has as many as it may, others aren't concerned, and one that closes makes room")
    func byAddress() {
        var limits = ClientLimits()
        limits.addressConnections = 2
        var ledger = ConnectionLedger(limits)
        #expect(reached(&ledger, home) == nil)
        #expect(reached(&ledger, home) == nil)
        #expect(reached(&ledger, home) == .init(limit: .addressConnections))
        #expect(reached(&ledger, other) == nil)
        // A proxy's are many clients'.
        for _ in 0..<10 { #expect(reached(&ledger, nil) == nil) }
        ledger.close(from: home)
        #expect(reached(&ledger, home) == nil)
    }

    @Test("all together have as many as the gateway may")
    func inAll() {
        var limits = ClientLimits()
        limits.connections = 3
        var ledger = ConnectionLedger(limits)
        for address in [home, other, nil] { #expect(reached(&ledger, address) == nil) }
        #expect(reached(&ledger, other) == .init(limit: .connections))
        ledger.close(from: nil)
        #expect(reached(&ledger, other) == nil)
        #expect(ledger.openCount == 3)
    }

    @Test("connects have a rate in all and by address, and a refused one counts for neither")
    func connects() {
        var limits = ClientLimits()
        limits.connects = RateLimit(perSecond: 1, burst: 3)
        limits.addressConnects = RateLimit(perSecond: 1, burst: 2)
        var ledger = ConnectionLedger(limits)
        #expect(reached(&ledger, home) == nil)
        #expect(reached(&ledger, home) == nil)
        #expect(reached(&ledger, home)?.limit == .addressConnects)
        #expect(reached(&ledger, other) == nil)
        #expect(reached(&ledger, other) == .init(limit: .connects, waitNanoseconds: second))
        #expect(reached(&ledger, other, now: second) == nil)
    }

    @Test("principals are counted by name, those without one aren't, and nothing is kept of whoever has left")
    func byPrincipal() throws {
        var limits = ClientLimits()
        limits.principalConnections = 1
        limits.addressConnections = 1
        var ledger = ConnectionLedger(limits)
        let alice = PrincipalID(7)
        try ledger.join(alice, from: nil, now: 0)
        #expect(throws: ConnectionLedger.Reached(limit: .principalConnections)) {
            try ledger.join(alice, from: nil, now: 0)
        }
        for _ in 0..<5 { try ledger.join(.anonymous, from: nil, now: 0) }
        // Behind a proxy the client's address counts, where it becomes a member.
        try ledger.join(PrincipalID(8), from: home, now: 0)
        #expect(throws: ConnectionLedger.Reached(limit: .addressConnections)) {
            try ledger.join(PrincipalID(9), from: home, now: 0)
        }
        ledger.leave(PrincipalID(8), from: home)
        ledger.leave(alice, from: nil)
        #expect(ledger.keptCount == 0)
    }
}

@Suite("Who publishes how much")
struct PublishLedgerTests {
    private func reached(
        _ ledger: inout PublishLedger,
        records: Int = 1,
        bytes: Int = 10,
        by principal: UInt64 = 7,
        at address: PeerNetwork = .ipv4(1),
        on bucket: inout RateBucket,
        now: UInt64 = 0
    ) -> ClientLimit? {
        do throws(ConnectionLedger.Reached) {
            let wish = PublishLedger.Wish(
                records: records,
                bytes: bytes,
                principal: PrincipalID(principal),
                address: address
            )
            try ledger.publish(wish, on: &bucket, now: now)
            return nil
        } catch {
            return error.limit
        }
    }

    @Test("each limit counts by itself, and what one refuses is charged to none")
    func all() {
        var limits = ClientLimits()
        limits.connectionPublishes = RateLimit(perSecond: 1, burst: 2)
        limits.principalPublishes = RateLimit(perSecond: 1, burst: 3)
        limits.addressPublishes = RateLimit(perSecond: 1, burst: 4)
        var ledger = PublishLedger(limits)
        var (first, second, third) = (RateBucket(), RateBucket(), RateBucket())
        #expect(reached(&ledger, on: &first) == nil)
        #expect(reached(&ledger, on: &first) == nil)
        #expect(reached(&ledger, on: &first) == .connectionPublishes)
        #expect(reached(&ledger, on: &second) == nil)
        #expect(reached(&ledger, on: &second) == .principalPublishes)
        #expect(reached(&ledger, by: 8, on: &third) == nil)
        #expect(reached(&ledger, by: 9, on: &third) == .addressPublishes)
        #expect(reached(&ledger, by: 9, at: .ipv4(2), on: &third) == nil)
        // Those that have no name share nothing.
        for _ in 0..<9 {
            var fresh = RateBucket()
            #expect(reached(&ledger, by: 0, at: .other, on: &fresh) == nil)
        }
    }

    @Test("a quota of bytes is an hour's, and fills up over it")
    func quota() {
        var limits = ClientLimits()
        limits.principalBytesPerHour = 3_600
        var ledger = PublishLedger(limits)
        var bucket = RateBucket()
        #expect(reached(&ledger, bytes: 3_600, on: &bucket) == nil)
        #expect(reached(&ledger, bytes: 1, on: &bucket) == .principalBytes)
        #expect(reached(&ledger, bytes: 1, by: 8, on: &bucket) == nil)
        #expect(reached(&ledger, bytes: 1, on: &bucket, now: 2 * second) == nil)
    }
}

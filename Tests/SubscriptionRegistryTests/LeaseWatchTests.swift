import SluiceCore
import Testing

@testable import SQLiteRegistry
@testable import SubscriptionRegistry

@Suite struct LeaseWatchTests {
    private var watch = LeaseWatch(patienceNanoseconds: 10)

    private func gateway(lease: UInt64) -> GatewayRow {
        GatewayRow(
            id: GatewayID("g"),
            name: "g",
            linkAddress: "",
            httpAddress: "",
            startedAtNanoseconds: 0,
            leaseExpiresAtNanoseconds: lease
        )
    }

    @Test("a gateway is given up when its lease is over and was seen unchanged for long enough")
    mutating func lapse() {
        #expect(watch.observe([gateway(lease: 100)], wallNanoseconds: 90, monotonicNanoseconds: 0) == [])
        #expect(watch.observe([gateway(lease: 100)], wallNanoseconds: 100, monotonicNanoseconds: 10) == [])
        #expect(
            watch.observe([gateway(lease: 100)], wallNanoseconds: 101, monotonicNanoseconds: 11)
                == [LeaseWatch.Lapse(gateway: GatewayID("g"), leaseExpiresAtNanoseconds: 100)]
        )
    }

    @Test("a wall clock that jumps does not give a gateway up until it has had time to renew")
    mutating func clockJump() {
        #expect(watch.observe([gateway(lease: 100)], wallNanoseconds: 90, monotonicNanoseconds: 0) == [])
        #expect(watch.observe([gateway(lease: 100)], wallNanoseconds: 9_000, monotonicNanoseconds: 9) == [])
        #expect(watch.observe([gateway(lease: 200)], wallNanoseconds: 9_001, monotonicNanoseconds: 10) == [])
        #expect(watch.observe([gateway(lease: 200)], wallNanoseconds: 9_002, monotonicNanoseconds: 19) == [])
        #expect(watch.observe([gateway(lease: 200)], wallNanoseconds: 9_003, monotonicNanoseconds: 20).count == 1)
    }

    @Test("a gateway that left and came back starts afresh")
    mutating func comesBack() {
        #expect(watch.observe([gateway(lease: 1)], wallNanoseconds: 5, monotonicNanoseconds: 0) == [])
        #expect(watch.observe([], wallNanoseconds: 5, monotonicNanoseconds: 5) == [])
        #expect(watch.observe([gateway(lease: 1)], wallNanoseconds: 5, monotonicNanoseconds: 12) == [])
    }
}

import SluiceCore
import TestSupport
import Testing

@testable import SQLiteRegistry
@testable import SubscriptionRegistry

@Suite struct GatewayLedgerTests {
    private var ledger = GatewayLedger()
    private let one = ConnectionID(high: 0, low: 1)
    private let two = ConnectionID(high: 0, low: 2)

    init() {
        ledger.connected(one, principal: "p", remoteAddress: "r", atNanoseconds: 1)
        ledger.connected(two, principal: nil, remoteAddress: "r", atNanoseconds: 2)
    }

    @Test("an interest is missing with the first subscriber and not with the second")
    mutating func firstSubscriber() {
        #expect(ledger.subscribe(one, to: ["a", "b", "a"], atNanoseconds: 3) == ["a", "b"])
        #expect(ledger.missing == ["a", "b"])
        ledger.wroteMissing()
        #expect(ledger.subscribe(two, to: ["b", "c"], atNanoseconds: 4) == ["b", "c"])
        #expect(ledger.missing == ["c"])
        #expect(ledger.areWritten(["a", "b"]) && !ledger.areWritten(["b", "c"]))
    }

    @Test("an interest is stale with the last subscriber gone, and good again when one comes before it is removed")
    mutating func lastSubscriber() {
        _ = ledger.subscribe(one, to: ["a"], atNanoseconds: 3)
        _ = ledger.subscribe(two, to: ["a"], atNanoseconds: 3)
        ledger.wroteMissing()
        ledger.unsubscribe(one, from: ["a", "a", "z"])
        #expect(ledger.stale.isEmpty)
        ledger.disconnected(two)
        #expect(ledger.stale == ["a"])
        _ = ledger.subscribe(one, to: ["a"], atNanoseconds: 5)
        #expect(ledger.stale.isEmpty && ledger.missing.isEmpty)
        ledger.unsubscribe(one, from: ["a"])
        ledger.removed(ledger.stale)
        _ = ledger.subscribe(one, to: ["a"], atNanoseconds: 6)
        #expect(ledger.missing == ["a"])
    }

    @Test("an interest that comes and goes between two commits is neither missing nor stale")
    mutating func shortInterest() {
        _ = ledger.subscribe(one, to: ["a"], atNanoseconds: 3)
        ledger.unsubscribe(one, from: ["a"])
        #expect(ledger.missing.isEmpty && ledger.stale.isEmpty)
    }

    @Test("a connection that isn't known can't subscribe")
    mutating func unknownConnection() {
        ledger.disconnected(one)
        #expect(ledger.subscribe(one, to: ["a"], atNanoseconds: 3) == nil)
        #expect(ledger.missing.isEmpty)
    }

    @Test("a connection that comes and goes between two commits is not written")
    mutating func shortConnection() {
        _ = ledger.subscribe(one, to: ["a"], atNanoseconds: 3)
        ledger.disconnected(one)
        ledger.disconnected(two)
        #expect(!ledger.isBehind)
    }

    @Test("a written connection is deleted with its subscriptions, and its waiting rows are dropped")
    mutating func deletedConnection() {
        _ = ledger.takeRows(10)
        _ = ledger.subscribe(one, to: ["a"], atNanoseconds: 3)
        ledger.disconnected(one)
        #expect(ledger.writes(for: ledger.takeRows(10)) == [.deleteConnection(one)])
    }

    @Test("rows are taken in slices, and those that couldn't be written are put back")
    mutating func slices() {
        let first = ledger.takeRows(1)
        #expect(first.count == 1 && ledger.isBehind)
        let second = ledger.takeRows(1)
        #expect(second.count == 1 && !ledger.isBehind)
        ledger.putBack(first)
        #expect(ledger.takeRows(5) == first)
    }

    @Test("everything is missing after the file was lost, and nothing is stale")
    mutating func lostFile() {
        _ = ledger.subscribe(one, to: ["a", "b"], atNanoseconds: 3)
        ledger.wroteMissing()
        _ = ledger.takeRows(10)
        ledger.unsubscribe(one, from: ["b"])
        ledger.disconnected(two)
        ledger.forgetWritten()
        #expect(ledger.missing == ["a"] && ledger.stale.isEmpty)
        #expect(
            ledger.writes(for: ledger.takeRows(10)) == [
                .insertConnection(one, principal: "p", remoteAddress: "r", atNanoseconds: 1),
                .insertSubscription(one, "a", atNanoseconds: 3),
            ]
        )
    }

    @Test("the interest that is removed has the bytes that were written, not those of an equal name")
    mutating func equalNames() {
        // "ä" in one scalar and in two: equal as Swift strings, different in SQLite.
        _ = ledger.subscribe(one, to: ["\u{E4}"], atNanoseconds: 3)
        ledger.wroteMissing()
        _ = ledger.subscribe(two, to: ["a\u{308}"], atNanoseconds: 3)
        ledger.disconnected(one)
        ledger.unsubscribe(two, from: ["a\u{308}"])
        #expect(ledger.stale.map { Array($0.name.utf8) } == [Array("\u{E4}".utf8)])
    }

    /// Goal: whatever comes in which order, and whichever commits fail, the file ends up with what the connections are
    /// subscribed to.
    ///
    /// Method: random events and commits against a model of sets; a "file" of sets takes the ledger's writes.
    @Test("interests and rows follow a model through random events, commits, failures and losses", arguments: 0..<20)
    func random(_: Int) {
        let seed = UInt64.random(in: 0 ... .max)
        print("GatewayLedger seed \(seed)")
        var run = LedgerRun(seed: seed)
        for _ in 0..<3_000 { run.step() }
        run.commitAll()
        #expect(run.file == run.model, "seed \(seed)")
        #expect(run.interests == Set(run.model.values.joined()), "seed \(seed)")
        #expect(run.violations == 0, "seed \(seed)")
    }
}

/// One random run of a ledger beside its model.
private struct LedgerRun {
    private var random: SeededGenerator
    private var ledger = GatewayLedger()
    private var made: UInt64 = 0
    private(set) var model: [ConnectionID: Set<Topic>] = [:]
    private(set) var file: [ConnectionID: Set<Topic>] = [:]
    private(set) var interests: Set<Topic> = []
    private(set) var violations = 0

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func step() {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<15:
            made += 1
            let id = ConnectionID(high: 0, low: made)
            ledger.connected(id, principal: nil, remoteAddress: "", atNanoseconds: made)
            model[id] = []
        case 15..<55:
            let topics = someTopics()
            guard let id = someConnection() else { return }
            let added = ledger.subscribe(id, to: topics, atNanoseconds: 1) ?? []
            if Set(added) != Set(topics).subtracting(model[id] ?? []) { violations += 1 }
            model[id]?.formUnion(topics)
        case 55..<75:
            let topics = someTopics()
            guard let id = someConnection() else { return }
            ledger.unsubscribe(id, from: topics)
            model[id]?.subtract(topics)
        case 75..<85:
            guard let id = someConnection() else { return }
            ledger.disconnected(id)
            model[id] = nil
        case 85..<99: commit(Int.random(in: 0...3, using: &random), fails: Int.random(in: 0..<5, using: &random) == 0)
        default:
            file = [:]
            interests = []
            ledger.forgetWritten()
        }
    }

    mutating func commitAll() {
        repeat { commit(100, fails: false) } while ledger.isBehind
    }

    private mutating func commit(_ limit: Int, fails: Bool) {
        let taken = ledger.takeRows(limit)
        guard !fails else { return ledger.putBack(taken) }
        for write in ledger.writes(for: taken) {
            switch write {
            case .insertConnection(let id, _, _, _): file[id, default: []].formUnion([])
            case .deleteConnection(let id): file[id] = nil
            case .insertSubscription(let id, let topic, _): file[id, default: []].insert(topic)
            case .deleteSubscription(let id, let topic): file[id]?.remove(topic)
            }
        }
        interests.formUnion(ledger.missing)
        if limit > 0 {
            interests.subtract(ledger.stale)
            ledger.removed(ledger.stale)
        }
        ledger.wroteMissing()
        let wanted = Set(model.values.joined())
        if !wanted.isSubset(of: interests) || !ledger.areWritten(Array(wanted)) { violations += 1 }
    }

    private mutating func someTopics() -> [Topic] {
        (0..<Int.random(in: 1...3, using: &random)).map { _ in
            Topic(alreadyChecked: "t\(Int.random(in: 0..<12, using: &random))")
        }
    }

    private mutating func someConnection() -> ConnectionID? {
        // Sorted: a dictionary's order differs from run to run, and the seed must bring a run back.
        model.keys.sorted { $0.low < $1.low }.randomElement(using: &random)
    }
}

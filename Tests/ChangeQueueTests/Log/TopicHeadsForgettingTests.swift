import SluiceCore
import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("TopicHeads: forgetting and refusing")
struct TopicHeadsForgettingTests {
    private func topic(_ number: Int) -> Topic { Topic(alreadyChecked: "t\(number)") }

    @Test("a unit that is refused leaves none of its topics in the table")
    func leavesNothingBehind() throws {
        var heads = TopicHeads(maximumTopics: 10)
        for number in 0..<8 { _ = try heads.stage(topic(number), UInt64(number + 1), trimmedThrough: 0) }
        heads.publish(through: 8, transaction: 1)
        let before = heads.stagedCount
        for number in 8..<10 { _ = try heads.stage(topic(number), UInt64(number + 1), trimmedThrough: 0) }
        _ = try heads.stage(topic(9), 11, trimmedThrough: 0)
        #expect(throws: AppendRefusal.topicsFull) { try heads.stage(topic(10), 12, trimmedThrough: 0) }
        heads.unstage(downTo: before)
        #expect(heads.count == 8)
        expectEqual(try heads.stage(topic(10), 9, trimmedThrough: 0), SequenceNumber.none)
    }

    @Test("names count too: a table of long names is full before it has as many topics as it may")
    func boundsNames() throws {
        var heads = TopicHeads(TopicHeads.Limits(topics: 1_000, nameBytes: 4_000))
        let long = String(repeating: "n", count: 366)
        var entered = 0
        #expect(throws: AppendRefusal.topicsFull) {
            for number in 0..<1_000 {
                let topic = Topic(alreadyChecked: "\(number)/" + long)
                _ = try heads.stage(topic, UInt64(number + 1), trimmedThrough: 0)
                entered += 1
            }
        }
        #expect(entered == 10)
    }

    @Test("nothing is forgotten while the table is less than half full")
    func keepsWhenEmpty() throws {
        var heads = TopicHeads(maximumTopics: 100)
        for number in 0..<50 { _ = try heads.stage(topic(number), UInt64(number + 1), trimmedThrough: 0) }
        heads.publish(through: 50, transaction: 1)
        #expect(!heads.isForgettingDue(trimmedThrough: 50))
        heads.forgetSlice(trimmedThrough: 50, maximum: 100)
        #expect(heads.count == 50)
        #expect(heads.head(of: topic(0)) == SequenceNumber(1))
    }

    @Test("in slices the table is forgotten down to its half, and a round that finds nothing isn't begun again")
    func forgetsInSlices() throws {
        var heads = TopicHeads(maximumTopics: 20_000)
        for number in 0..<20_000 { _ = try heads.stage(topic(number), UInt64(number + 1), trimmedThrough: 0) }
        heads.publish(through: 20_000, transaction: 1)
        // Everything but the last thousand is trimmed.
        var slices = 0
        while heads.isForgettingDue(trimmedThrough: 19_000) {
            heads.forgetSlice(trimmedThrough: 19_000, maximum: 100)
            #expect(heads.takeForgotten(1_000).count <= 100)
            slices += 1
        }
        #expect(heads.count == 10_000)
        #expect(slices == 100)
        #expect(heads.head(of: topic(19_999)) == SequenceNumber(20_000))
        #expect(heads.head(of: topic(0)) == SequenceNumber(heads.forgottenThrough))

        var stuck = TopicHeads(maximumTopics: 20_000)
        for number in 0..<20_000 { _ = try stuck.stage(topic(number), UInt64(number + 1), trimmedThrough: 0) }
        stuck.publish(through: 20_000, transaction: 1)
        var visits = 0
        for number in 0..<20_000 { stuck.follow(topic(number), UInt64(20_001 + number)) }
        while stuck.isForgettingDue(trimmedThrough: 20_000), visits < 100 {
            stuck.forgetSlice(trimmedThrough: 20_000, maximum: 100)
            visits += 1
        }
        #expect(visits == 3)
        #expect(stuck.count == 20_000)
    }

    @Test("a principal's topics and rate are bounded, what is taken back or forgotten is given back, others go on")
    func boundsPrincipals() throws {
        let (mallory, alice) = (PrincipalID(7), PrincipalID(8))
        var heads = TopicHeads(maximumTopics: 10, quotas: TopicQuotas.Limits(topics: 6))
        func stage(_ number: Int, _ by: PrincipalID, trimmed: UInt64 = 0) throws(AppendRefusal) {
            _ = try heads.stage(topic(number), UInt64(number + 1), by: by, trimmedThrough: trimmed)
        }
        for number in 0..<6 { try stage(number, mallory) }
        #expect(throws: AppendRefusal.principalTopics) { try stage(6, mallory) }
        try stage(6, alice)
        heads.unstage(downTo: 5)
        try stage(5, mallory)
        heads.publish(through: 6, transaction: 1)
        #expect(throws: AppendRefusal.principalTopics) { try stage(6, mallory) }
        // A known topic isn't new, whoever began it.
        _ = try heads.stage(topic(0), 7, by: alice, trimmedThrough: 0)
        heads.publish(through: 7, transaction: 2)
        heads.forgetSlice(trimmedThrough: 6, maximum: 1)
        #expect(heads.count == 5)
        try stage(20, mallory)
    }

    /// Goal: whatever is staged, taken back, committed, trimmed, forgotten and saved, in any order, each record's
    /// `previous` is the topic's record before it, or, for a topic that may have been forgotten, a trimmed number that is
    /// not less. Method: random steps against a dictionary that forgets nothing.
    @Test("random steps against a model that forgets nothing", arguments: 0..<20)
    func followsModel(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var heads = TopicHeads(maximumTopics: 40, quotas: TopicQuotas.Limits(topics: 25))
        var committed: [Int: UInt64] = [:]
        var last: UInt64 = 0
        var trimmed: UInt64 = 0
        var owners: [PrincipalID: Int] = [:]
        for transaction in 1...400 as ClosedRange<UInt64> {
            var staged = committed
            var sequence = last
            for _ in 0..<Int.random(in: 0..<8, using: &random) {
                let before = heads.stagedCount
                let (stagedBefore, sequenceBefore) = (staged, sequence)
                do throws(AppendRefusal) {
                    for _ in 0..<Int.random(in: 1..<5, using: &random) {
                        let number = Int.random(in: 0..<80, using: &random)
                        let principal = PrincipalID(UInt64.random(in: 2..<4, using: &random))
                        sequence += 1
                        let previous = try heads.stage(
                            topic(number),
                            sequence,
                            by: principal,
                            trimmedThrough: trimmed
                        ).rawValue
                        let expected = staged[number] ?? 0
                        #expect(previous == expected || (expected <= previous && previous <= trimmed), "seed \(seed)")
                        staged[number] = sequence
                    }
                } catch {
                    heads.unstage(downTo: before)
                    (staged, sequence) = (stagedBefore, sequenceBefore)
                }
            }
            if Bool.random(using: &random) {
                heads.publish(through: sequence, transaction: transaction)
                (committed, last) = (staged, sequence)
            } else {
                heads.unstage(downTo: 0)
            }
            #expect(heads.count <= 40, "seed \(seed)")
            #expect(heads.stagedCount == 0)
            if heads.unsavedCount > 0, Bool.random(using: &random) { _ = heads.takeUnsaved(10) }
            trimmed = max(trimmed, last > 60 ? last - 60 : 0)
            heads.forgetSlice(trimmedThrough: trimmed, maximum: 5)
            for forgotten in heads.takeForgotten(100) {
                let number = try #require(Int(forgotten.name.dropFirst()))
                #expect(committed[number] ?? .max <= trimmed, "seed \(seed)")
            }
            for (number, sequence) in committed {
                let head = heads.head(of: topic(number)).rawValue
                #expect(head == sequence || (sequence <= head && head <= trimmed), "seed \(seed)")
            }
            owners = [:]
            for slot in heads.heads.indices where !heads.topics[slot].name.isEmpty {
                owners[heads.heads[slot].owner, default: 0] += 1
            }
            for principal in [PrincipalID(2), PrincipalID(3)] {
                #expect(heads.quotas.topics(of: principal) == owners[principal] ?? 0, "seed \(seed)")
            }
        }
        #expect(last > 100)
        #expect(Set(heads.takeUnsaved(.max).map(\.topic)).count <= 40)
        #expect(heads.unsavedCount == 0)
    }
}

@Suite("TopicQuotas")
struct TopicQuotasTests {
    private let second: UInt64 = 1_000_000_000

    @Test("a burst passes, then one topic each interval; a silence fills the bucket again, never beyond")
    func rates() {
        var quotas = TopicQuotas(TopicQuotas.Limits(perSecond: 20))
        let mallory = PrincipalID(7)
        func taken(at now: UInt64) -> Int {
            var count = 0
            while quotas.take(mallory, nowNanoseconds: now) == nil { count += 1 }
            return count
        }
        #expect(taken(at: second) == 2_000)
        expectEqual(quotas.take(mallory, nowNanoseconds: second), .topicRate)
        expectEqual(quotas.take(PrincipalID(8), nowNanoseconds: second), nil)
        #expect(taken(at: 2 * second) == 20)
        quotas.takeBack(mallory)
        #expect(taken(at: 2 * second) == 1)
        #expect(taken(at: 1_000 * second) == 2_000)
    }

    @Test("a slow rate still lets a whole batch pass")
    func batches() {
        var quotas = TopicQuotas(TopicQuotas.Limits(perSecond: 1))
        for _ in 0..<1_000 { expectEqual(quotas.take(.anonymous, nowNanoseconds: second), nil) }
        expectEqual(quotas.take(.anonymous, nowNanoseconds: second), .topicRate)
    }

    @Test("the server itself has no quota, and without limits nobody is remembered")
    func unlimited() {
        var quotas = TopicQuotas(TopicQuotas.Limits(topics: 0, perSecond: 1))
        expectEqual(quotas.take(.server, nowNanoseconds: 0), nil)
        expectEqual(quotas.take(.anonymous, nowNanoseconds: 0), .principalTopics)
        quotas = TopicQuotas(TopicQuotas.Limits())
        for number in 2..<100 as Range<UInt64> { expectEqual(quotas.take(PrincipalID(number), nowNanoseconds: 0), nil) }
        #expect(quotas.count == 0)
    }

    @Test("principals that have nothing any more are forgotten")
    func prunes() {
        var quotas = TopicQuotas(TopicQuotas.Limits(perSecond: 1_000))
        for number in 2..<100_000 as Range<UInt64> {
            let now = number * second
            expectEqual(quotas.take(PrincipalID(number), nowNanoseconds: now), nil)
            quotas.giveBack(PrincipalID(number))
        }
        #expect(quotas.count <= 2_048)
    }
}

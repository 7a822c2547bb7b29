import SluiceCore
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("TopicHeads")
struct TopicHeadsTests {
    private func topic(_ name: String) -> Topic { Topic(alreadyChecked: name) }

    @Test("each record's previous is the topic's record before it, and counts when it is published")
    func chains() throws {
        var heads = TopicHeads(maximumTopics: 10)
        expectEqual(try heads.stage(topic("a"), 1, trimmedThrough: 0), SequenceNumber.none)
        expectEqual(try heads.stage(topic("b"), 2, trimmedThrough: 0), SequenceNumber.none)
        expectEqual(try heads.stage(topic("a"), 3, trimmedThrough: 0), SequenceNumber(1))
        #expect(heads.head(of: topic("a")) == .none)
        heads.publish(through: 3, transaction: 7)
        #expect(heads.head(of: topic("a")) == SequenceNumber(3))
        #expect(heads.head(of: topic("b")) == SequenceNumber(2))
        #expect(heads.head(of: topic("c")) == .none)
        #expect(heads.through == 3)
        #expect(heads.knownTransaction == 7)
    }

    @Test("what was staged by a transaction that failed is taken back, whole or in part")
    func unstages() throws {
        var heads = TopicHeads(maximumTopics: 10)
        _ = try heads.stage(topic("a"), 1, trimmedThrough: 0)
        let before = heads.stagedCount
        _ = try heads.stage(topic("a"), 2, trimmedThrough: 0)
        _ = try heads.stage(topic("a"), 3, trimmedThrough: 0)
        heads.unstage(downTo: before)
        expectEqual(try heads.stage(topic("a"), 2, trimmedThrough: 0), SequenceNumber(1))
        heads.unstage(downTo: 0)
        expectEqual(try heads.stage(topic("a"), 1, trimmedThrough: 0), SequenceNumber.none)
    }

    @Test("the tail is read from where the heads end, and the saved heads again when it was trimmed before it was read")
    func plansTail() {
        var heads = TopicHeads(maximumTopics: 10)
        heads.followed(through: 10, transaction: 1)
        #expect(heads.plan(trimmedThrough: 0, lastSequence: 10) == .current)
        #expect(heads.plan(trimmedThrough: 10, lastSequence: 12) == .read(after: 10))
        #expect(heads.plan(trimmedThrough: 11, lastSequence: 12) == .reloadSaved(thenReadAfter: 11))
        #expect(heads.plan(trimmedThrough: 12, lastSequence: 12) == .reloadSaved(thenReadAfter: 12))
    }

    @Test("records of other processes move the head, never backwards, and don't disturb what is staged")
    func follows() throws {
        var heads = TopicHeads(maximumTopics: 10)
        heads.follow(topic("a"), 5)
        heads.follow(topic("a"), 4)
        heads.followed(through: 5, transaction: 2)
        #expect(heads.head(of: topic("a")) == SequenceNumber(5))
        expectEqual(try heads.stage(topic("a"), 6, trimmedThrough: 0), SequenceNumber(5))
        heads.follow(topic("a"), 5)
        expectEqual(try heads.stage(topic("a"), 7, trimmedThrough: 0), SequenceNumber(6))
    }

    @Test("unsaved heads are handed out once, again when the save failed or when they moved")
    func saves() throws {
        var heads = TopicHeads(maximumTopics: 10)
        for (index, name) in ["a", "b", "c"].enumerated() {
            _ = try heads.stage(topic(name), UInt64(index + 1), trimmedThrough: 0)
        }
        heads.publish(through: 3, transaction: 1)
        #expect(heads.unsavedCount == 3)
        let first = heads.takeUnsaved(2)
        #expect(first.count == 2)
        #expect(heads.unsavedCount == 1)
        heads.saveFailed(first.map(\.topic))
        #expect(heads.unsavedCount == 3)
        expectEqual(Set(heads.takeUnsaved(10).map(\.sequence)), [1, 2, 3])
        expectEqual(heads.takeUnsaved(10).isEmpty, true)
        _ = try heads.stage(topic("b"), 4, trimmedThrough: 0)
        heads.publish(through: 4, transaction: 2)
        expectEqual(heads.takeUnsaved(10).map(\.sequence), [4])
        heads.load(topic("d"), 5, trimmedThrough: 0)
        #expect(heads.unsavedCount == 0)
    }

    @Test("at the maximum a topic whose records are all trimmed makes room; without one a new topic is refused")
    func forgets() throws {
        var heads = TopicHeads(maximumTopics: 2)
        _ = try heads.stage(topic("a"), 1, trimmedThrough: 0)
        _ = try heads.stage(topic("b"), 2, trimmedThrough: 0)
        heads.publish(through: 2, transaction: 1)
        #expect(throws: AppendRefusal.topicsFull) { try heads.stage(topic("c"), 3, trimmedThrough: 0) }
        expectEqual(try heads.stage(topic("b"), 3, trimmedThrough: 0), SequenceNumber(2))
        // "b" is staged and stays, "a" is trimmed and goes; the chain of a new topic leads to where "a" ended, not to
        // nothing.
        expectEqual(try heads.stage(topic("c"), 4, trimmedThrough: 2), SequenceNumber(1))
        heads.publish(through: 4, transaction: 2)
        #expect(heads.count == 2)
        #expect(heads.head(of: topic("b")) == SequenceNumber(3))
        #expect(heads.head(of: topic("c")) == SequenceNumber(4))
        #expect(heads.head(of: topic("a")) == SequenceNumber(1))
        expectEqual(heads.takeForgotten(10), [topic("a")])
        expectEqual(Set(heads.takeUnsaved(10).map(\.sequence)), [3, 4])
    }

    @Test("saved heads beyond the maximum are left out when their records are gone")
    func loadsUpToMaximum() {
        var heads = TopicHeads(maximumTopics: 1)
        heads.load(topic("a"), 3, trimmedThrough: 10)
        heads.load(topic("b"), 7, trimmedThrough: 10)
        heads.load(topic("c"), 12, trimmedThrough: 10)
        #expect(heads.count == 2)
        #expect(heads.forgottenThrough == 7)
        #expect(heads.head(of: topic("b")) == SequenceNumber(7))
    }

    @Test("a save ends with what was unsaved when it began, whatever changes meanwhile")
    func savesEnd() throws {
        var heads = TopicHeads(TopicHeads.Limits(topics: 1_000))
        for number in 1...200 { heads.follow(try Topic("t\(number)"), UInt64(number)) }
        heads.followed(through: 200, transaction: 1)
        let target = heads.beginSave()
        #expect(target == 200)
        var sequence: UInt64 = 200
        var saved: [String: UInt64] = [:]
        for slice in 1...10 {
            // More topics change than a slice saves.
            for number in 1...50 {
                sequence += 1
                heads.follow(try Topic("t\(number)"), sequence)
            }
            let taken = heads.takeUnsaved(20)
            // A slice that fails is the next one again.
            if slice == 3 {
                heads.saveFailed(taken.map(\.topic))
            } else {
                for one in taken { saved[one.topic.name] = one.sequence }
            }
            if heads.leftOfSave == 0 { break }
        }
        #expect(heads.leftOfSave > 0)
        for one in heads.takeUnsaved(heads.leftOfSave) { saved[one.topic.name] = one.sequence }
        #expect(heads.leftOfSave == 0)
        #expect(saved.count == 200)
        for number in 1...200 { #expect(saved["t\(number)"] ?? 0 >= UInt64(number)) }
        #expect(heads.unsavedCount == 50)
    }
}

import SluiceCore
import TestSupport
import Testing

@testable import ChangeQueue
@testable import LMDBLog

@Suite("AppendGroup")
struct AppendGroupTests {
    private let limits = AppendLimits(maximumPayloadBytes: 10)

    private func submission(_ client: RecordingClient, _ requests: [(UInt64, [RecordDraft])]) -> AppendSubmission {
        AppendSubmission(client: client, requests: requests.map { (token: $0.0, request: .records($0.1)) }, bytes: 100)
    }

    private func place(_ sequence: UInt64) -> AppendedRecord {
        AppendedRecord(sequence: SequenceNumber(sequence), previous: .none, committedAtNanoseconds: 0)
    }

    @Test("all submissions of one client give one call, in the order of submission")
    func gathersByClient() {
        let (first, second) = (RecordingClient(), RecordingClient())
        var group = AppendGroup(
            [
                submission(first, [(1, [draft("a")]), (2, [draft("a")])]),
                submission(second, [(1, [draft("b")])]),
                submission(first, [(3, [draft("c")])]),
            ],
            limits: limits
        )
        #expect(group.bytes == 300)
        for index in group.entries.indices { group.entries[index].appended = [place(UInt64(index + 1))] }
        group.committed(atNanoseconds: 77)
        let outcomes = group.outcomes()
        #expect(outcomes.count == 2)
        #expect(outcomes[0].client === first)
        #expect(outcomes[0].outcomes.map(\.token) == [1, 2, 3])
        #expect(outcomes[1].outcomes.map(\.token) == [1])
        #expect((try? outcomes[0].outcomes[2].result.get())?.first?.sequence == SequenceNumber(4))
        #expect((try? outcomes[0].outcomes[2].result.get())?.first?.committedAtNanoseconds == 77)
    }

    @Test("a request that breaks a limit is refused alone, its whole unit with it")
    func refusesAlone() {
        let client = RecordingClient()
        let group = AppendGroup(
            [submission(client, [(1, [draft("a")]), (2, [draft("a"), draft("a", "12345678901")]), (3, [draft("")])])],
            limits: limits
        )
        #expect(group.hasWork)
        #expect(group.entries.map(\.failure?.code) == [nil, .payloadTooLarge, .invalidRecord])
        #expect(!AppendGroup([submission(client, [(1, [draft("")])])], limits: limits).hasWork)
    }

    @Test("a failed commit fails everyone else, and a second attempt starts afresh")
    func failsAndResets() {
        let client = RecordingClient()
        var group = AppendGroup([submission(client, [(1, [draft("a")]), (2, [draft("")])])], limits: limits)
        group.entries[0].appended = [place(1)]
        group.entries[0].failure = ChangeQueueError(.invalidTopic, "")
        group.reset(limits: limits)
        #expect(group.entries.map(\.failure?.code) == [nil, .invalidRecord])
        #expect(group.entries[0].appended.isEmpty)
        group.failed(ChangeQueueError(.queueFull, "full"))
        #expect(group.entries.map(\.failure?.code) == [.queueFull, .invalidRecord])
    }

    @Test("every part of a record that the encoding can't hold is refused with its name")
    func checksParts() {
        let long = String(repeating: "x", count: 256)
        let attributes = [
            RecordAttributes(table: long), RecordAttributes(itemKey: long),
            RecordAttributes(tagged: [
                RecordAttribute(tag: 1, type: .bytes, value: [UInt8](repeating: 0, count: 65_532))
            ]),
        ]
        for attributes in attributes {
            var record = draft("a")
            record.attributes = attributes
            #expect(limits.violation(in: .records([record]))?.code == .invalidRecord)
        }
        var record = draft("a")
        record.contentType = ContentType(long)
        #expect(limits.violation(in: .records([record]))?.code == .invalidRecord)
        #expect(limits.violation(in: .records([draft(String(repeating: "t", count: 401))]))?.code == .invalidRecord)
        #expect(limits.violation(in: .records([draft(String(repeating: "t", count: 400))])) == nil)
    }
}

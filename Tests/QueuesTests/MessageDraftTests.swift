import QueueEngine
import SluiceCore
import Testing

@Suite("Message drafts")
struct MessageDraftTests {
    private func queue(_ values: (name: ByteString, value: String)...) throws -> MessageQueue {
        var attributes = MessageQueueAttributes()
        try attributes.set(values)
        return MessageQueue(
            id: QueueID(alreadyChecked: attributes.fifo == nil ? "q" : "q.fifo"),
            number: 1,
            attributes: attributes,
            tags: [],
            createdAtNanoseconds: 0,
            modifiedAtNanoseconds: 0
        )
    }

    private func violation(_ draft: MessageDraft, of queue: MessageQueue) -> MessageDraft.Violation? {
        do throws(MessageDraft.Violation) {
            _ = try draft.message(for: queue, nowNanoseconds: 1)
            return nil
        } catch {
            return error
        }
    }

    private func isInvalid(_ draft: MessageDraft, of queue: MessageQueue, naming text: String) -> Bool {
        guard case .invalid(let message)? = violation(draft, of: queue) else { return false }
        return message.contains(text)
    }

    @Test("a message has the queue's delay, or its own")
    func delays() throws {
        let queue = try queue(("DelaySeconds", "7"))
        #expect(
            try MessageDraft(body: "x").message(for: queue, nowNanoseconds: 1).visibleAtNanoseconds == 7_000_000_001
        )
        let own = try MessageDraft(body: "x", delaySeconds: 2).message(for: queue, nowNanoseconds: 1)
        #expect(own.visibleAtNanoseconds == 2_000_000_001 && own.sentAtNanoseconds == 1)
        #expect(isInvalid(MessageDraft(body: "x", delaySeconds: 901), of: queue, naming: "DelaySeconds=901"))
        #expect(isInvalid(MessageDraft(body: "x", delaySeconds: -1), of: queue, naming: "DelaySeconds=-1"))
    }

    @Test("an empty body, a control character and too many bytes are told apart")
    func bodies() throws {
        let queue = try queue(("MaximumMessageSize", "1024"))
        #expect(violation(MessageDraft(body: ""), of: queue) == .missing(parameter: "MessageBody"))
        #expect(violation(MessageDraft(body: "a\u{0}"), of: queue) == .contents)
        #expect(violation(MessageDraft(body: "a\u{FFFE}"), of: queue) == .contents)
        #expect(violation(MessageDraft(body: "\t\n\r\u{10FFFF}"), of: queue) == nil)
        let attribute = MessageAttribute(name: "a", type: "String", value: .string("b"))
        let long = String(repeating: "x", count: 1_024)
        #expect(violation(MessageDraft(body: long), of: queue) == nil)
        #expect(isInvalid(MessageDraft(body: long, attributes: [attribute]), of: queue, naming: "1032 bytes"))
    }

    @Test("attributes are counted, told apart by their names, and checked")
    func attributes() throws {
        let queue = try queue()
        func attribute(_ name: ByteString, _ value: String = "v") -> MessageAttribute {
            MessageAttribute(name: name, type: "String", value: .string(value))
        }
        let ten = (0..<10).map { attribute(ByteString("a\($0)")) }
        #expect(violation(MessageDraft(body: "x", attributes: ten), of: queue) == nil)
        for (attributes, named) in [
            (ten + [attribute("b")], "11"), ([attribute("a"), attribute("a")], "twice"), ([attribute("AWS.a")], "AWS."),
            ([attribute("a", "\u{1}")], "control characters"), ([attribute("a", "")], "empty"),
        ] {
            #expect(isInvalid(MessageDraft(body: "x", attributes: attributes), of: queue, naming: named), "\(named)")
        }
    }

    @Test("a FIFO queue wants a group and a deduplication id, which may be the body's; others want none")
    func fifo() throws {
        let (standard, fifo) = (try queue(), try queue(("FifoQueue", "true")))
        let content = try queue(("FifoQueue", "true"), ("ContentBasedDeduplication", "true"))
        #expect(violation(MessageDraft(body: "x"), of: fifo) == .missing(parameter: "MessageGroupId"))
        #expect(isInvalid(MessageDraft(body: "x", groupID: "g"), of: fifo, naming: "ContentBasedDeduplication"))
        #expect(isInvalid(MessageDraft(body: "x", groupID: "a b"), of: fifo, naming: "MessageGroupId 'a b'"))
        #expect(isInvalid(MessageDraft(body: "x", deduplicationID: "d"), of: standard, naming: "FIFO"))
        #expect(
            isInvalid(MessageDraft(body: "x", delaySeconds: 1, groupID: "g"), of: content, naming: "DelaySeconds=1")
        )
        let message = try MessageDraft(body: "x", groupID: "g").message(for: content, nowNanoseconds: 1)
        // Of SHA-256 of "x".
        #expect(message.deduplicationID == "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881")
        let own = try MessageDraft(body: "x", groupID: "g", deduplicationID: "d").message(
            for: content,
            nowNanoseconds: 1
        )
        #expect(own.deduplicationID == "d" && own.isOrdered)
        #expect(try MessageDraft(body: "x", groupID: "g").message(for: standard, nowNanoseconds: 1).groupID == "g")
    }

    @Test("names of message queues have no dot but that of .fifo")
    func names() {
        for name in ["a", "a-b_C9", "a.fifo", String(repeating: "x", count: 80)] {
            #expect(QueueID.messageQueue(named: name)?.description == name)
        }
        for name in ["", ".fifo", "a.b", "a.b.fifo", "a.FIFO", "ä", "a/b", String(repeating: "x", count: 81)] {
            #expect(QueueID.messageQueue(named: name) == nil, "\(name)")
        }
    }
}

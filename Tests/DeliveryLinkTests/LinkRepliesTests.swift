import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import DeliveryLink

@Suite struct LinkRepliesTests {
    private final class Written: Sendable {
        let writes = Mutex<[[UInt64]]>([])
    }

    private func replies(on loop: EmbeddedEventLoop, to written: Written) -> LinkReplies {
        LinkReplies(eventLoop: loop) { receipts in written.writes.withLock { $0.append(receipts.map(\.deliveryID)) } }
    }

    @Test("receipts of one turn leave in one write")
    func oneWrite() {
        let loop = EmbeddedEventLoop()
        let written = Written()
        let replies = replies(on: loop, to: written)
        for id in 1...3 as ClosedRange<UInt64> { replies.send([Receipt(deliveryID: id)]) }
        #expect(written.writes.withLock { $0 } == [])
        loop.run()
        #expect(written.writes.withLock { $0 } == [[1, 2, 3]])
        replies.send([])
        replies.send([Receipt(deliveryID: 4)])
        loop.run()
        #expect(written.writes.withLock { $0 } == [[1, 2, 3], [4]])
    }

    @Test("receipts that the receiver gives at once leave without a turn of the loop")
    func gathered() {
        let loop = EmbeddedEventLoop()
        let written = Written()
        let replies = replies(on: loop, to: written)
        replies.send([Receipt(deliveryID: 1)])
        replies.gather {
            replies.send([Receipt(deliveryID: 2)])
            replies.send([Receipt(deliveryID: 3)])
        }
        #expect(written.writes.withLock { $0 } == [[1, 2, 3]])
        loop.run()
        #expect(written.writes.withLock { $0 } == [[1, 2, 3]])
        replies.send([Receipt(deliveryID: 4)])
        loop.run()
        #expect(written.writes.withLock { $0 }.last == [4])
    }
}

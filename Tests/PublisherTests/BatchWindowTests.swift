import ChangeQueue
import SluiceCore
import Testing

@testable import Publisher

@Suite struct BatchWindowTests {
    @Test("an empty batch doesn't leave")
    func empty() {
        let window = BatchWindow(maximumRecords: 2, maximumBytes: 100, windowNanoseconds: 0)
        #expect(window.decide(nowNanoseconds: 1) == .empty)
    }

    @Test("without a window what has gathered leaves at once")
    func noWindow() {
        var window = BatchWindow(maximumRecords: 10, maximumBytes: 100, windowNanoseconds: 0)
        window.gather(receivedRecords(1...1), nowNanoseconds: 5)
        #expect(window.decide(nowNanoseconds: 5) == .ship)
        #expect(window.removeBatch().count == 1)
        #expect(window.decide(nowNanoseconds: 5) == .empty)
    }

    @Test("with a window a batch waits until the window of its first record is over")
    func waits() {
        var window = BatchWindow(maximumRecords: 10, maximumBytes: 10_000, windowNanoseconds: 100)
        window.gather(receivedRecords(1...1), nowNanoseconds: 1_000)
        window.gather(receivedRecords(2...2), nowNanoseconds: 1_050)
        #expect(window.decide(nowNanoseconds: 1_099) == .wait(untilNanoseconds: 1_100))
        #expect(window.decide(nowNanoseconds: 1_100) == .ship)
    }

    @Test("a batch that is full by count or by bytes leaves before its window is over")
    func full() {
        var byCount = BatchWindow(maximumRecords: 2, maximumBytes: 10_000, windowNanoseconds: 1_000)
        byCount.gather(receivedRecords(1...2), nowNanoseconds: 0)
        #expect(byCount.roomRecords == 0)
        #expect(byCount.decide(nowNanoseconds: 1) == .ship)
        var byBytes = BatchWindow(maximumRecords: 100, maximumBytes: 10, windowNanoseconds: 1_000)
        byBytes.gather(receivedRecords(1...1, bytes: 20), nowNanoseconds: 0)
        #expect(byBytes.roomBytes == 0)
        #expect(byBytes.decide(nowNanoseconds: 1) == .ship)
    }
}

/// Records with the sequence numbers of `range`, received once.
func receivedRecords(_ range: ClosedRange<UInt64>, bytes: Int = 5, receiveCount: Int = 1) -> [ReceivedRecord] {
    range.map { number in
        let sequence = SequenceNumber(number)
        return ReceivedRecord(
            record: EncodedRecord(
                sequence: sequence,
                previous: .none,
                topic: Topic(alreadyChecked: "t\(number % 3)"),
                acceptedAtNanoseconds: 0,
                acceptedAtWallNanoseconds: 0,
                bytes: [UInt8](repeating: 0, count: bytes)
            ),
            handle: ReceiptHandle(sequence: sequence, receive: 1),
            receiveCount: receiveCount
        )
    }
}

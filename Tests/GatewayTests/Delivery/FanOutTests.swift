import ChangeQueue
import DeliveryLink
import FanOut
import NIOCore
import NIOEmbedded
import SluiceCore
import Synchronization
import TestSupport
import Testing

@testable import Gateway

@Suite("FanOut")
struct FanOutTests {
    private let topic = Topic(alreadyChecked: "a")

    @Test("writes a turn's records of a topic in one piece to every subscriber and answers each delivery")
    func onePiece() throws {
        let harness = WebSocketHarness()
        let clients = try (0..<3).map { _ in try harness.connectSubscribed(to: "a") }
        let before = clients.map(\.writes)
        let receipts = harness.deliver((0..<4).map { _ in harness.log.append(topic) })
        for (client, writes) in zip(clients, before) {
            #expect(client.sequences() == [1, 2, 3, 4])
            #expect(client.writes == writes + 1)
        }
        #expect(receipts.map(\.deliveryID) == [1, 2, 3, 4])
        #expect(
            receipts.allSatisfy {
                $0.isTaken && $0.sockets == 3 && $0.takenAtNanoseconds == 5 && $0.writtenAtNanoseconds > 0
            }
        )
    }

    @Test("drops repetitions and answers for them")
    func repetitions() throws {
        let harness = WebSocketHarness()
        let client = try harness.connectSubscribed(to: "a")
        let records = (0..<3).map { _ in harness.log.append(topic) }
        harness.deliver(records)
        let receipts = harness.deliver([records[2], records[0], harness.log.append(topic)])
        #expect(client.sequences() == [1, 2, 3, 4])
        #expect(receipts.map(\.sockets) == [0, 0, 1])
    }

    @Test("fills holes from the log, in order")
    func holes() throws {
        let harness = WebSocketHarness()
        let client = try harness.connectSubscribed(to: "a")
        let records = (0..<6).map { _ in harness.log.append(topic) }
        harness.deliver(records[0], records[3])
        #expect(client.sequences() == [1, 2, 3, 4])
        let receipts = harness.deliver(records[2], records[5], records[1], records[4])
        #expect(client.sequences() == [5, 6])
        #expect(receipts.map(\.isTaken) == [true, true, true, true])
    }

    @Test("lets subscribers catch up on a hole that is too large for the loop")
    func largeHole() throws {
        let harness = WebSocketHarness { $0.holeRecords = 3 }
        let client = try harness.connectSubscribed(to: "a")
        let records = (0..<10).map { _ in harness.log.append(topic) }
        harness.deliver(records[0], records[9])
        #expect(client.sequences() == [1])
        harness.deliver(harness.log.append(topic))
        harness.settle()
        harness.deliver(harness.log.append(topic))
        #expect(client.sequences() == Array(2...12))
    }

    @Test("goes on after a hole that the log has no more; the event's previous shows it")
    func trimmedHole() throws {
        let harness = WebSocketHarness()
        let client = try harness.connectSubscribed(to: "a")
        let records = (0..<4).map { _ in harness.log.append(topic) }
        harness.log.trim(through: 2)
        harness.deliver(records[3])
        #expect(client.sequences() == [3, 4])
    }

    @Test("closes a connection that doesn't read and names it, without holding up the others")
    func slowConsumer() throws {
        let harness = WebSocketHarness()
        let slow = try harness.connectSubscribed(to: "a")
        let quick = try harness.connectSubscribed(to: "a")
        slow.channel.isWritable = false
        let receipts = harness.deliver(harness.log.append(topic))
        #expect(receipts.map(\.sockets) == [1])
        #expect(receipts.first?.slow == [slow.id].compactMap { $0 })
        #expect(quick.sequences() == [1])
        #expect(slow.read().first?.closeCode == 4008)
        harness.deliver(harness.log.append(topic))
        #expect(slow.read().isEmpty)
        harness.advance(seconds: 5)
        #expect(!slow.isOpen)
    }

    @Test("refuses a damaged delivery and takes the others")
    func damaged() throws {
        let harness = WebSocketHarness()
        let client = try harness.connectSubscribed(to: "a")
        var bytes = EncodedRecord(harness.log.append(topic)).bytes
        bytes[bytes.count - 1] ^= 1
        let damaged = DeliveredRecord(encoded: bytes, receivedAtNanoseconds: 0, resolvedAtNanoseconds: 0)
        let sound = DeliveredRecord(
            encoded: EncodedRecord(harness.log.append(topic)).bytes,
            receivedAtNanoseconds: 0,
            resolvedAtNanoseconds: 0
        )
        let receipts = harness.receive([
            Delivery(id: 7, records: [damaged], sentAtNanoseconds: 0),
            Delivery(id: 8, records: [sound], sentAtNanoseconds: 0),
        ])
        #expect(receipts.map(\.deliveryID) == [7, 8])
        #expect(receipts.map(\.status) == [.failed(.corruptRecord), .ok])
        #expect(client.sequences() == [1, 2])
    }

    @Test(
        "a record that the log doesn't have, or whose chain leads forwards, ends the link and is passed to nobody",
        arguments: [(UInt64.max, 0), (4, 3), (2, 2), (2, 3)] as [(UInt64, UInt64)]
    )
    func foreignRecord(sequence: UInt64, previous: UInt64) throws {
        let harness = WebSocketHarness()
        let client = try harness.connectSubscribed(to: "a")
        let real = (0..<3).map { _ in harness.log.append(topic) }
        let forged = ChangeRecord(
            RecordDraft(topic: topic, payload: [1], contentType: .json),
            sequence: SequenceNumber(sequence),
            previous: SequenceNumber(previous),
            acceptedAtWallNanoseconds: 1
        )
        #expect(harness.deliver([real[0], forged]).isEmpty)
        #expect(harness.linkErrors.map(\.code) == [.foreignRecord])
        #expect(client.read().isEmpty)
        harness.deliver(real)
        #expect(client.sequences() == [1, 2, 3] && harness.linkErrors.count == 1)
    }

    @Test("the log's end is looked up only for numbers above those that are known")
    func logEnd() {
        let reads = Mutex(0)
        let last = Mutex(SequenceNumber(5))
        let end = LogEnd {
            reads.withLock { $0 += 1 }
            return last.withLock { $0 }
        }
        #expect(end.hasReached(SequenceNumber(5)) && end.hasReached(SequenceNumber(4)))
        #expect(reads.withLock { $0 } == 1)
        #expect(!end.hasReached(SequenceNumber(6)))
        last.withLock { $0 = SequenceNumber(6) }
        #expect(end.hasReached(SequenceNumber(6)))
        end.raise(to: SequenceNumber(9))
        #expect(end.hasReached(SequenceNumber(9)) && reads.withLock { $0 } == 3)
        let unreadable = LogEnd { throw ChangeQueueError(.corruptRecord, "gone") }
        #expect(unreadable.hasReached(SequenceNumber(1)))
    }

    @Test("damaged deliveries are each answered and don't make a line each")
    func damageLog() throws {
        let harness = WebSocketHarness()
        let damaged = DeliveredRecord(encoded: [1, 2, 3], receivedAtNanoseconds: 0, resolvedAtNanoseconds: 0)
        let receipts = harness.receive(
            (1...1_000).map { Delivery(id: $0, records: [damaged], sentAtNanoseconds: 0) }
        )
        #expect(receipts.count == 1_000)
        // One a second; a slow machine takes longer than one.
        #expect((1...100).contains(harness.logLines.count))
    }

    @Test("sends binary payloads as the subscriber wants them")
    func binary() throws {
        let harness = WebSocketHarness()
        let plain = try harness.connectSubscribed(to: "a")
        let frames = try harness.connect("/ws?topic=a&binary=frames")
        harness.commitRegistry()
        _ = frames.read()
        harness.deliver(harness.log.append(topic, "\u{1}x", .binary), harness.log.append(topic, "1"))
        let head = #"{"type":"event","topic":"a","sequence":1,"previous":0,"contentType":"application/octet-stream""#
        #expect(plain.texts().first == head + #","encoding":"base64","data":"AXg="}"#)
        let received = frames.read()
        #expect(received.map(\.opcode) == [2, 1])
        let header = Array((head + "}").utf8)
        #expect(received.first?.payload == [0, 0, 0, UInt8(header.count)] + header + [1, UInt8(ascii: "x")])
    }

    @Test("merges what several loops did")
    func merge() {
        let pending = PendingReceipts(deliveries: 1, loops: 2)
        let id = ConnectionID.random()
        var one = DeliveryTally()
        one.sockets = 2
        var other = DeliveryTally()
        other.sockets = 3
        other.slow = [id]
        #expect(pending.add(LoopTallies(tallies: [one], writtenAtNanoseconds: 9)) == nil)
        let merged = pending.add(LoopTallies(tallies: [other], writtenAtNanoseconds: 7))
        #expect(merged?.tallies.first?.sockets == 5)
        #expect(merged?.tallies.first?.slow == [id])
        #expect(merged?.writtenAtNanoseconds == 9)
    }
}

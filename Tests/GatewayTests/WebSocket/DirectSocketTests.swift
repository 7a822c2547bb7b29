import DeliveryLink
import NIOCore
import SluiceCore
import TestSupport
import Testing

@testable import FanOut
@testable import Gateway

/// Frames that go past the channel, over real sockets.
@Suite("DirectSocket")
struct DirectSocketTests {
    private static let topic = Topic(alreadyChecked: "a")

    @Test("events go past the channel while nothing waits in it")
    func direct() async throws {
        try await SocketHarness.run { harness in
            let client = try harness.connect("/ws?topic=a")
            let before = client.tap.byteCount
            try harness.publish(Self.topic, 50)
            #expect(try client.sequences(50) == Array(1...50))
            #expect(client.tap.byteCount == before)
            client.send(#"{"action":"ping","id":"1"}"#)
            #expect(try client.texts(1) == [#"{"type":"pong","id":"1"}"#])
            let after = client.tap.byteCount
            #expect(after > before)
            try harness.publish(Self.topic, 1)
            #expect(try client.sequences(1) == [51])
            #expect(client.tap.byteCount == after)
            #expect(harness.allReceipts().allSatisfy { $0.sockets == 1 && $0.writtenAtNanoseconds > 0 })
        }
    }

    @Test("where something in the pipeline changes bytes, every byte passes it")
    func changedBytes() async throws {
        try await SocketHarness.run { harness in
            let client = try harness.connect("/ws?topic=a", plain: nil)
            for number in UInt64(1)...20 {
                let before = client.tap.byteCount
                try harness.publish(Self.topic, 1)
                #expect(try client.sequences(1) == [number])
                #expect(client.tap.byteCount > before)
            }
        }
    }

    @Test("a channel without a socket has none")
    func none() throws {
        let harness = WebSocketHarness()
        _ = try harness.connectSubscribed(to: "a")
        #expect(harness.loop?.subscribers.members.table.sockets.map(\.isUsable) == [false])
        #expect(!DirectSocket.none.isUsable)
    }

    @Test("replies and events keep the order in which they were written")
    func order() async throws {
        let seed = UInt64.random(in: .min ... .max)
        print("DirectSocketTests.order seed \(seed)")
        try await SocketHarness.run { harness in
            var random = SeededGenerator(seed: seed)
            let client = try harness.connect("/ws?topic=a", sendBuffer: 4_096)
            let eventLoop = client.channel.eventLoop
            var expected: [String] = []
            for turn in 0..<60 {
                var steps: [Int?] = []
                for _ in 0..<Int.random(in: 1..<6, using: &random) {
                    steps.append(Bool.random(using: &random) ? nil : Int.random(in: 1...600, using: &random))
                }
                let log = harness.log
                let turnSteps = steps
                expected += try harness.on(eventLoop) { loop in
                    guard let handler = loop.subscribers.members.table[0] as? WebSocketConnectionHandler else {
                        return []
                    }
                    return try turnSteps.map { bytes in
                        guard let bytes else {
                            handler.answer(ServerFrame.frame(.text, ByteBuffer(string: "reply \(turn)")))
                            return "reply \(turn)"
                        }
                        let record = log.append(Self.topic, "\"\(String(repeating: "x", count: bytes))\"")
                        let delivered = DeliveredRecord(
                            encoded: EncodedRecord(record).bytes,
                            receivedAtNanoseconds: 0,
                            resolvedAtNanoseconds: 0
                        )
                        let delivery = Delivery(id: 1, records: [delivered], sentAtNanoseconds: 0)
                        loop.subscribers.rounds.deliver([try FanOutDelivery(delivery)]) { _ in }
                        var json: [UInt8] = []
                        EventEnvelope.appendJSON(record, to: &json)
                        return String(decoding: json, as: UTF8.self)
                    }
                }
                try harness.on(eventLoop) { $0.subscribers.flushes.flush() }
                if Int.random(in: 0..<3, using: &random) == 0 {
                    let some = Int.random(in: 0...expected.count, using: &random)
                    #expect(try client.frames(some, pieces: 700).map(\.text) == Array(expected.prefix(some)))
                    expected.removeFirst(some)
                }
            }
            #expect(try client.texts(expected.count) == expected)
            #expect(!client.hasMore)
        }
    }

    @Test("what a full socket doesn't take goes through the channel, then events go past it again")
    func full() async throws {
        try await SocketHarness.run { harness in
            let client = try harness.connect("/ws?topic=a", sendBuffer: 4_096)
            let before = client.tap.byteCount
            try harness.publish(Self.topic, 300, bytes: 1_500)
            #expect(client.tap.byteCount > before)
            #expect(try client.sequences(100, pieces: 100) == Array(1...100))
            try harness.publish(Self.topic, 50, bytes: 10)
            #expect(try client.sequences(250, pieces: 3_000) == Array(101...350))
            let channel = client.channel
            try harness.wait(channel.eventLoop) { _ in
                (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) == 0
            }
            // The first is written by the channel, which then is known to have nothing waiting.
            try harness.publish(Self.topic, 1)
            #expect(try client.sequences(1) == [351])
            let after = client.tap.byteCount
            for number in UInt64(352)...371 {
                try harness.publish(Self.topic, 1)
                #expect(try client.sequences(1) == [number])
            }
            #expect(client.tap.byteCount == after)
            #expect(!client.hasMore)
            #expect(harness.allReceipts().allSatisfy { $0.sockets == 1 && $0.slow.isEmpty })
        }
    }

    @Test("a client that doesn't read is closed with 4008 behind whole events, and others don't wait for it")
    func slow() async throws {
        try await SocketHarness.run {
            $0.unwrittenBytes = 32_768
        } _: { harness in
            let slow = try harness.connect("/ws?topic=a", sendBuffer: 4_096)
            let quick = try harness.connect("/ws?topic=a")
            for number in UInt64(1)...100 {
                try harness.publish(Self.topic, 1, bytes: 1_000)
                #expect(try quick.sequences(1) == [number])
            }
            let receipts = harness.allReceipts()
            #expect(receipts.filter { !$0.slow.isEmpty }.count == 1)
            let frames = try slow.frames(.max, until: { $0.closeCode == 4008 && $0.opcode == 8 })
            #expect(frames.last?.closeCode == 4008)
            let sequences = frames.compactMap(\.eventSequence)
            #expect(sequences.count == frames.count - 1)
            #expect(sequences == Array(1...UInt64(max(1, sequences.count))))
            #expect(!slow.hasMore)
        }
    }

    @Test("clients that go while events are written to them leave the others what is theirs")
    func resets() async throws {
        try await SocketHarness.run { harness in
            var clients = try (0..<150).map { _ in try harness.connect("/ws?topic=a") }
            for number in UInt64(1)...40 {
                if number.isMultiple(of: 2) {
                    // With something unread, which resets the connection.
                    clients.remove(at: Int(number) % clients.count).close()
                    clients.removeLast().close()
                }
                try harness.publish(Self.topic, 1)
                if !number.isMultiple(of: 4) { continue }
                for client in clients { #expect(try client.sequences(4) == Array(number - 3...number)) }
            }
            let count = clients.count
            try harness.wait(harness.fanOut.loops.eventLoops[0]) { $0.subscribers.count == count }
            #expect(harness.allReceipts().count == 40)
            // Places that are used again have the new clients' sockets.
            let others = try (0..<50).map { _ in try harness.connect("/ws?topic=a") }
            try harness.publish(Self.topic, 1)
            for client in clients + others { #expect(try client.sequences(1) == [41]) }
            for client in clients + others { #expect(!client.hasMore) }
        }
    }

    @Test("a fan-out of several turns on several loops reaches everyone once", arguments: [1, 2, 3])
    func loops(count: Int) async throws {
        try await SocketHarness.run(loops: count) { harness in
            let loops = harness.fanOut.loops.eventLoops
            let clients = try (0..<150 * count).map {
                try harness.connect("/ws?topic=a&topic=b", on: loops[$0 % count])
            }
            let other = Topic(alreadyChecked: "b")
            for _ in 0..<10 {
                try harness.deliver([harness.log.append(Self.topic), harness.log.append(other)])
                try harness.deliver([harness.log.append(Self.topic)])
            }
            let receipts = harness.allReceipts()
            #expect(receipts.map(\.deliveryID).sorted() == Array(1...30))
            #expect(receipts.allSatisfy { Int($0.sockets) == clients.count })
            for client in clients {
                let numbers = try client.sequences(30)
                #expect(numbers.sorted() == Array(1...30))
                // In order within each topic.
                #expect(numbers.filter { $0 % 3 != 2 } == Array(1...30).filter { $0 % 3 != 2 })
                #expect(numbers.filter { $0 % 3 == 2 } == Array(1...30).filter { $0 % 3 == 2 })
                #expect(!client.hasMore)
            }
        }
    }
}

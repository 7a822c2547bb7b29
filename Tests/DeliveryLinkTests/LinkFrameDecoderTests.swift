import NIOCore
import SluiceCore
import TestSupport
import Testing

@testable import DeliveryLink

@Suite struct LinkFrameDecoderTests {
    @Test("a frame is decoded as it was encoded", arguments: everyFrame.indices)
    func roundTrip(index: Int) throws {
        let frame = everyFrame[index]
        let frames = try decoded(encoded(frame))
        #expect(frames.map { "\($0)" }.count == 1)
        #expect(try #require(frames.first).isSame(as: frame))
    }

    @Test("a delivery keeps its records and times")
    func delivered() throws {
        let sent = delivery(9, records: 3, bytes: 5)
        let bytes = encoded(.delivery(sent))
        #expect(bytes.readableBytes == LinkFrameEncoder.byteCount(of: sent))
        guard case .delivery(let came) = try #require(try decoded(bytes).first) else { return #expect(Bool(false)) }
        #expect(came.id == 9 && came.sentAtNanoseconds == 309 && came.takenAtNanoseconds == 0)
        #expect(came.records.map(DeliveryLinkTests.bytes(of:)) == sent.records.map(DeliveryLinkTests.bytes(of:)))
        #expect(came.records.map(\.receivedAtNanoseconds) == [109, 109, 109])
        #expect(came.records.map(\.resolvedAtNanoseconds) == [209, 209, 209])
    }

    @Test("a receipt keeps its list and its failure")
    func receipted() throws {
        let receipt = Receipt(
            deliveryID: 3,
            sockets: 4,
            slow: [.random(), .random()],
            takenAtNanoseconds: 5,
            writtenAtNanoseconds: 6,
            status: .failed(.overloaded)
        )
        guard case .receipt(let came) = try #require(try decoded(encoded(.receipt(receipt))).first) else {
            return #expect(Bool(false))
        }
        #expect(came == receipt)
    }

    @Test("a receipt's list is cut so that the frame stays in the limit")
    func longReceipt() throws {
        let ids = (0..<UInt64(Receipt.maximumListedConnections + 5)).map { ConnectionID(high: 0, low: $0) }
        let bytes = encoded(.receipt(Receipt(deliveryID: 1, slow: ids)))
        guard case .receipt(let came) = try #require(try decoded(bytes, maximumFrameBytes: 1 << 26).first) else {
            return #expect(Bool(false))
        }
        #expect(came.slow == Array(ids.prefix(Receipt.maximumListedConnections)))
    }

    @Test("frames come out the same wherever the bytes are split")
    func splits() throws {
        var all = ByteBuffer()
        for frame in everyFrame { LinkFrameEncoder.encode(frame, into: &all) }
        for split in 0...all.readableBytes {
            var decoder = LinkFrameDecoder()
            var rest = all
            var frames: [LinkFrame] = []
            decoder.append(rest.readSlice(length: split) ?? ByteBuffer())
            while let frame = try decoder.next() { frames.append(frame) }
            decoder.append(rest)
            while let frame = try decoder.next() { frames.append(frame) }
            #expect(frames.count == everyFrame.count)
            #expect(zip(frames, everyFrame).allSatisfy { $0.isSame(as: $1) })
        }
    }

    @Test("frames come out the same from pieces of any size, while earlier ones are still held")
    func pieces() throws {
        var generator = SeededGenerator(seed: SeededGenerator.printedSeed())
        for _ in 0..<200 {
            let sent = (0..<UInt64.random(in: 1...20, using: &generator)).map {
                delivery(
                    $0,
                    records: Int.random(in: 0...3, using: &generator),
                    bytes: Int.random(in: 0...3000, using: &generator)
                )
            }
            var stream = OutgoingDeliveries(sent, maximumFrameBytes: 1 << 20).frames
            var decoder = LinkFrameDecoder()
            decoder.maximumFrameBytes = 1 << 20
            var came: [Delivery] = []
            while stream.readableBytes > 0 {
                let length = min(stream.readableBytes, Int.random(in: 1...4000, using: &generator))
                // A copy, as a channel reads into a buffer of its own.
                decoder.append(ByteBuffer(bytes: stream.readBytes(length: length) ?? []))
                while case .delivery(let delivery)? = try decoder.next() { came.append(delivery) }
            }
            #expect(came.map(\.id) == sent.map(\.id))
            let cameBytes = came.map { $0.records.map(DeliveryLinkTests.bytes(of:)) }
            #expect(cameBytes == sent.map { $0.records.map(DeliveryLinkTests.bytes(of:)) })
        }
    }

    @Test("a frame that isn't whole waits")
    func truncated() throws {
        for frame in everyFrame {
            let bytes = encoded(frame)
            for length in 0..<bytes.readableBytes {
                var decoder = LinkFrameDecoder()
                decoder.append(try #require(bytes.getSlice(at: 0, length: length)))
                let next = try decoder.next()
                #expect(next == nil)
            }
        }
    }

    @Test("a body that ends too early or too late is malformed")
    func wrongLengths() throws {
        for frame in everyFrame {
            for change in [-1, 1] {
                var bytes = encoded(frame)
                let length = try #require(bytes.getInteger(at: 0, endianness: .little, as: UInt32.self))
                guard length > 1 || change > 0 else { continue }
                bytes.setInteger(UInt32(Int(length) + change), at: 0, endianness: .little)
                bytes.writeInteger(UInt8(0))
                // Some bodies end in text or bytes of any length.
                if ["hello", "proof", "welcome", "reject"].contains(frame.name) { continue }
                #expect(throws: LinkError.self) { try decoded(bytes) }
            }
        }
    }

    @Test("random bytes are frames or an error, never a crash")
    func randomBytes() {
        var generator = SeededGenerator(seed: SeededGenerator.printedSeed())
        for _ in 0..<20_000 {
            var bytes = (0..<Int.random(in: 0...120, using: &generator)).map { _ in
                UInt8.random(in: .min ... .max, using: &generator)
            }
            // Mostly a length that fits and a known type, or hardly any body would be looked at.
            if bytes.count >= 5, Bool.random(using: &generator) {
                bytes.replaceSubrange(0..<4, with: [UInt8(bytes.count - 4), 0, 0, 0])
                bytes[4] = UInt8.random(in: 0...11, using: &generator)
            }
            _ = try? decoded(ByteBuffer(bytes: bytes))
        }
    }

    @Test("frames with flipped bytes are frames or an error, never a crash")
    func flippedBytes() {
        var generator = SeededGenerator(seed: SeededGenerator.printedSeed())
        for _ in 0..<5000 {
            for frame in everyFrame {
                var bytes = encoded(frame)
                let position = Int.random(in: 0..<bytes.readableBytes, using: &generator)
                bytes.setInteger(UInt8.random(in: .min ... .max, using: &generator), at: position)
                _ = try? decoded(bytes)
            }
        }
    }

    @Test("a stranger can't announce a large frame, and an open link no larger one than the limit")
    func oversize() {
        var decoder = LinkFrameDecoder()
        decoder.append(ByteBuffer(string: "GET / HTTP/1.1\r\n"))
        #expect { _ = try decoder.next() } throws: { ($0 as? LinkError)?.code == .frameTooLarge }
        #expect { try decoded(encoded(.delivery(delivery(1, bytes: 500))), maximumFrameBytes: 100) } throws: {
            ($0 as? LinkError)?.code == .frameTooLarge
        }
    }

    @Test("an unknown type and an empty frame are errors, and stay so")
    func unknown() {
        #expect { try decoded(ByteBuffer(bytes: [1, 0, 0, 0, 99])) } throws: {
            ($0 as? LinkError)?.code == .unknownFrameType
        }
        var decoder = LinkFrameDecoder()
        decoder.append(ByteBuffer(bytes: [0, 0, 0, 0]))
        #expect { _ = try decoder.next() } throws: { ($0 as? LinkError)?.code == .malformedFrame }
        decoder.append(encoded(.ping))
        #expect { _ = try decoder.next() } throws: { ($0 as? LinkError)?.code == .malformedFrame }
    }

    @Test("counts beyond the bytes are refused before room is made")
    func counts() {
        var bytes = ByteBuffer()
        bytes.writeMultipleIntegers(
            UInt32(22),
            UInt8(6),
            UInt64(1),
            UInt64(2),
            UInt8(0),
            UInt32.max,
            endianness: .little
        )
        #expect { try decoded(bytes) } throws: { ($0 as? LinkError)?.code == .malformedFrame }
    }

    @Test("a hello of another version tells its version whatever follows")
    func otherVersion() throws {
        var bytes = ByteBuffer()
        bytes.writeMultipleIntegers(
            UInt32(9),
            UInt8(1),
            LinkVersion.magic,
            UInt16(7),
            UInt16(0xFFFF),
            endianness: .little
        )
        guard case .hello(let hello) = try #require(try decoded(bytes).first) else { return #expect(Bool(false)) }
        #expect(hello.version == 7)
    }
}

extension LinkFrame {
    /// Compares by what is written.
    func isSame(as other: LinkFrame) -> Bool { encoded(self) == encoded(other) }
}

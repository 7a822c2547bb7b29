import NIOCore
import SluiceCore
import TestSupport
import Testing

@testable import FanOut

@Suite("TopicFrames")
struct TopicFramesTests {
    private func record(_ sequence: UInt64, _ count: Int) -> ChangeRecord {
        let type: ContentType = sequence.isMultiple(of: 2) ? .binary : .text
        return ChangeRecord(
            RecordDraft(
                topic: Topic(alreadyChecked: "a"),
                payload: Array(repeating: 0x61, count: count),
                contentType: type
            ),
            sequence: SequenceNumber(sequence),
            previous: .none,
            acceptedAtWallNanoseconds: 1
        )
    }

    private func frames(_ records: some Sequence<ChangeRecord>, _ format: EventFormatID) -> ByteBuffer {
        var bytes = ByteBuffer()
        for record in records {
            var frame = EventFrames(TestFormat.all[Int(format.rawValue)])
            frame.append(record)
            bytes.writeImmutableBuffer(frame.events(from: 0).bytes)
        }
        return bytes
    }

    @Test("has the frames of the records that are left, in both formats, and leaves alone what was given out")
    func random() {
        let seed = UInt64.random(in: .min ... .max)
        print("TopicFramesTests.random seed \(seed)")
        var random = SeededGenerator(seed: seed)
        var topic = TopicFrames(TestFormat.all)
        var records: [ChangeRecord] = []
        var given: [(slice: ByteBuffer, copy: [UInt8])] = []
        for sequence in UInt64(1)...600 {
            if records.count < 40 {
                let record = record(sequence, Int.random(in: 0..<300, using: &random))
                records.append(record)
                topic.append(record)
            }
            let gone =
                Int.random(in: 0..<3, using: &random) == 0 ? Int.random(in: 0...records.count, using: &random) : 0
            if gone > 0 {
                records.removeFirst(gone)
                topic.removeFirst(gone)
            }
            guard !records.isEmpty else { continue }
            let first = Int.random(in: 0..<records.count, using: &random)
            let format = EventFormatID(rawValue: UInt8.random(in: 0...1, using: &random))
            let expected = frames(records[first...], format)
            let slice = topic.events(format, from: first).bytes
            #expect(slice == expected)
            let bytes = topic.withBytes(format, from: first) { Array($0) }
            #expect(bytes == Array(expected.readableBytesView))
            if Int.random(in: 0..<4, using: &random) == 0 { given.append((slice, Array(expected.readableBytesView))) }
            if given.count > 5 { given.removeFirst() }
            for (slice, copy) in given { #expect(Array(slice.readableBytesView) == copy) }
        }
    }

    @Test("has nothing from behind the last record")
    func end() {
        var frames = EventFrames(TestFormat.all[0])
        frames.append(record(1, 10))
        #expect(frames.events(from: 1).bytes.readableBytes == 0)
        #expect(frames.withBytes(from: 1) { $0.count } == 0)
        frames.removeFirst(1)
        #expect(frames.byteCount == 0)
    }

    @Test("keeps little memory when everything is gone, and none that grows while records come and go")
    func memory() {
        var frames = EventFrames(TestFormat.all[0])
        for sequence in UInt64(1)...2_000 {
            frames.append(record(sequence, 1_000))
            if sequence > 10 { frames.removeFirst(1) }
            #expect(frames.events(from: 0).bytes.storageCapacity <= 65_536)
        }
        frames.append(record(1, 1 << 20))
        frames.removeFirst(11)
        #expect(frames.byteCount == 0)
        #expect(frames.events(from: 0).bytes.storageCapacity <= 65_536)
    }
}

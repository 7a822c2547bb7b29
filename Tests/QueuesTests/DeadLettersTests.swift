import ChangeQueue
import Foundation
import SluiceCore
import TestSupport
import Testing

@testable import LMDBLog
@testable import QueueEngine
@testable import Queues

/// Goal: what publishers give up is on disk as a message that says all of the record, and comes back as the same change, once. Method: real
/// environments; a damaged record is one whose byte was flipped.
@Suite("Dead letters of publishers")
struct DeadLettersTests {
    private let id = QueueID(alreadyChecked: "dead")

    /// Its clock is ahead of the wall clock, with which dead letters are stored.
    private func scratch() throws -> QueueScratch {
        let clock = WallClock()
        clock.advance(seconds: 60)
        return try QueueScratch(clock: clock)
    }

    private func letters(_ scratch: QueueScratch, _ payloads: [String]) async throws -> [DeadLetter] {
        let drafts = payloads.map {
            RecordDraft(
                topic: Topic(alreadyChecked: "orders/42"),
                payload: Array($0.utf8),
                attributes: RecordAttributes(operation: .insert, table: "orders", itemKey: "42")
            )
        }
        _ = try await scratch.writer.outcome(of: .records(drafts)).result.get()
        var found: [DeadLetter] = []
        let bounds = try scratch.store.log.reader.bounds()
        try scratch.store.log.reader.visit([SequenceRange(bounds.first, bounds.last)]) { header, bytes in
            found.append(
                DeadLetter(record: EncodedRecord(header, bytes), queue: .sqs, receiveCount: 7, reason: "overloaded")
            )
            return true
        }
        return found
    }

    private func records(_ scratch: QueueScratch) throws -> [ChangeRecord] {
        let bounds = try scratch.store.log.reader.bounds()
        return try scratch.store.log.reader.records(
            in: [SequenceRange(bounds.first, bounds.last)],
            maximumBytes: .max
        ).map { try $0.bytes.withUnsafeBytes { try RecordCodec.decode($0) } }
    }

    @Test(
        "say all of their record, and a redrive publishes it again as it was, behind all others",
        arguments: ["dead", "dead.fifo"]
    )
    func redrive(name: String) async throws {
        let scratch = try self.scratch()
        let queue = QueueID(alreadyChecked: name)
        let letters = try await letters(scratch, [#"{"price":1}"#, #"{"price":2}"#])
        try LMDBDeadLetters(queue: queue, log: scratch.store.log).store(letters)
        let figures = try scratch.service.figures(of: scratch.service.queue(queue))
        #expect(figures.visible == 2)
        let seen = try await scratch.service.receive(from: queue, maximum: 1, visibilitySeconds: 0, waitSeconds: 0)[0]
        #expect(
            seen.message.body
                == #"{"topic":"orders/42","sequence":1,"previous":0,"contentType":"application/json","data":{"price":1}}"#
        )
        let texts = seen.message.attributes.compactMap { attribute -> String? in
            guard case .string(let text) = attribute.value else { return nil }
            return "\(attribute.name)=\(text)"
        }
        #expect(
            texts == [
                "sluice.topic=orders/42", "sluice.sequence=1", "sluice.queue=sqs", "sluice.receiveCount=7",
                "sluice.reason=overloaded",
            ]
        )
        _ = try scratch.service.startMove(of: queue, to: nil, maximumPerSecond: nil)
        while try scratch.service.moves(of: queue)[0].status == .running { await Task.yield() }
        let move = try scratch.service.moves(of: queue)[0]
        #expect(move.status == .completed && move.moved == 2, "\(move)")
        let records = try records(scratch)
        #expect(
            records.map { String(decoding: $0.payload, as: UTF8.self) }.suffix(2) == [#"{"price":1}"#, #"{"price":2}"#]
        )
        #expect(records.map(\.sequence.rawValue) == [1, 2, 3, 4] && records[3].previous.rawValue == 3)
        #expect(records[2].attributes == records[0].attributes && records[2].topic == records[0].topic)
        #expect(try scratch.service.figures(of: scratch.service.queue(queue)) == MessageQueueFigures())
    }

    @Test("of a damaged record are kept, and a redrive says that they can't be published again")
    func damaged() async throws {
        let scratch = try self.scratch()
        var letters = try await letters(scratch, [#"{"price":1}"#])
        var bytes = letters[0].record.bytes
        bytes[bytes.count - 2] ^= 1
        let record = letters[0].record
        letters[0] = DeadLetter(
            record: EncodedRecord(
                sequence: record.sequence,
                previous: record.previous,
                topic: record.topic,
                acceptedAtNanoseconds: 0,
                acceptedAtWallNanoseconds: 0,
                bytes: bytes
            ),
            queue: .stream,
            receiveCount: 1,
            reason: "corruptRecord"
        )
        try LMDBDeadLetters(queue: id, log: scratch.store.log).store(letters)
        _ = try scratch.service.startMove(of: id, to: nil, maximumPerSecond: nil)
        while try scratch.service.moves(of: id)[0].status == .running { await Task.yield() }
        let move = try scratch.service.moves(of: id)[0]
        #expect(move.status == .failed && move.failure?.contains("damaged") == true, "\(move)")
        #expect(try scratch.service.figures(of: scratch.service.queue(id)).visible == 1)
        #expect(try records(scratch).count == 1)
        // Beside it the others go back.
        try LMDBDeadLetters(queue: id, log: scratch.store.log).store(try await self.letters(scratch, [#"{"price":2}"#]))
        _ = try scratch.service.startMove(of: id, to: nil, maximumPerSecond: nil)
        while try scratch.service.moves(of: id)[0].status == .running { await Task.yield() }
        #expect(try scratch.service.moves(of: id)[0].status == .failed)
        #expect(try scratch.service.moves(of: id)[0].moved == 2)
        #expect(try scratch.service.figures(of: scratch.service.queue(id)).visible == 1)
    }
}

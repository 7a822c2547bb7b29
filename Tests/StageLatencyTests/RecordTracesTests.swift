import SluiceCore
import StageLatency
import Testing

@Suite("RecordTraces")
struct RecordTracesTests {
    @Test("the times of a record gather over several notes")
    func gathers() {
        let traces = RecordTraces(capacity: 16)
        traces.note(SequenceNumber(5)) { $0.accepted = 10 }
        traces.note([SequenceNumber(5), SequenceNumber(6)]) { times, position in times.received = UInt64(20 + position)
        }
        #expect(traces.trace(SequenceNumber(5))?.accepted == 10)
        #expect(traces.trace(SequenceNumber(5))?.received == 20)
        #expect(traces.trace(SequenceNumber(6))?.accepted == 0)
        #expect(traces.trace(SequenceNumber(6))?.received == 21)
    }

    @Test("a newer record takes an older one's slot, never the other way round")
    func newest() {
        let traces = RecordTraces(capacity: 4)
        traces.note(SequenceNumber(6)) { $0.accepted = 6 }
        traces.note(SequenceNumber(2)) { $0.accepted = 2 }
        #expect(traces.trace(SequenceNumber(6))?.accepted == 6)
        #expect(traces.trace(SequenceNumber(2)) == nil)
        traces.note(SequenceNumber(10)) { $0.received = 1 }
        #expect(traces.trace(SequenceNumber(6)) == nil)
        #expect(traces.trace(SequenceNumber(10))?.accepted == 0)
    }

    @Test("the number before the first record is never traced", arguments: [0, 1, 3])
    func noRecord(capacity: Int) {
        let traces = RecordTraces(capacity: capacity)
        traces.note(.none) { $0.accepted = 1 }
        #expect(traces.trace(.none) == nil)
        #expect(traces.trace(SequenceNumber(UInt64.max)) == nil)
    }

    @Test("the reports of two processes complete each other")
    func reports() throws {
        var gateway = StageTimes()
        gateway.accepted = 1_000
        gateway.committed = 251_000
        var publisher = StageTimes()
        publisher.accepted = 1_000
        publisher.received = 351_000
        let first = RecordTraceReport(sequence: SequenceNumber(7), times: gateway)
        let second = try RecordTraceReport(
            json: RecordTraceReport(sequence: SequenceNumber(7), times: publisher).json()
        )
        let merged = first.merged(with: second)
        #expect(merged.times.committed == 251_000)
        #expect(merged.times.received == 351_000)
        #expect(merged.stages.map(\.stage) == [.commit, .receive, .hop])
        #expect(merged.stages.map(\.microseconds) == [250, 100, 350])
        #expect(
            String(decoding: first.json(), as: UTF8.self)
                == #"{"sequence":7,"nanoseconds":{"accepted":1000,"committed":251000},"stages":{"commit":250.0}}"#
        )
        #expect(throws: LatencyReportError.self) { try RecordTraceReport(json: Array("{}".utf8)) }
    }
}

import ChangeQueue
import FanOut
import SluiceCore
import StageLatency
import Synchronization

/// Writes a delivered record's times down: the stages that end at the gateway, and its trace.
///
/// The publisher measures hop, resolve and send; the gateway commit, receive (only it knows when the commit returned),
/// link, write and total.
struct DeliveryMeasures: Sendable {
    private let histograms: StageHistograms
    private let commitTimes: CommitTimes
    private let traces: RecordTraces

    init(_ measures: GatewayMeasures) {
        histograms = measures.histograms
        commitTimes = measures.commitTimes
        traces = measures.traces
    }

    /// Notes the deliveries of one read.
    func note(_ deliveries: [FanOutDelivery], writtenAtNanoseconds written: UInt64) {
        let records = deliveries.flatMap(\.records)
        guard !records.isEmpty else { return }
        let sequences = records.map(\.record.sequence)
        let committed = commitTimes.committedAtNanoseconds(sequences)
        var times: [StageTimes] = []
        var parts: [StageTimes] = []
        times.reserveCapacity(records.count)
        parts.reserveCapacity(2 * records.count)
        var position = 0
        for delivery in deliveries {
            for record in delivery.records {
                let whole = time(of: record, in: delivery, committed: committed[position], written: written)
                times.append(whole)
                append(whole, to: &parts)
                position += 1
            }
        }
        histograms.record(contentsOf: parts)
        traces.note(sequences) { trace, position in trace = times[position] }
    }

    private func time(
        of record: FanOutDelivery.Record,
        in delivery: FanOutDelivery,
        committed: UInt64,
        written: UInt64
    ) -> StageTimes {
        var time = StageTimes()
        time.accepted = record.record.acceptedAtNanoseconds
        time.committed = committed
        time.received = record.receivedAtNanoseconds
        time.resolved = record.resolvedAtNanoseconds
        time.sent = delivery.sentAtNanoseconds
        time.taken = delivery.takenAtNanoseconds
        time.written = written
        return time
    }

    /// Histograms count every stage of which both ends are known, so each part carries only those ends that are this
    /// process's to count.
    private func append(_ whole: StageTimes, to parts: inout [StageTimes]) {
        var receive = StageTimes()
        receive.committed = whole.committed
        receive.received = whole.received
        parts.append(receive)
        var rest = StageTimes()
        rest.accepted = whole.accepted
        rest.sent = whole.sent
        rest.taken = whole.taken
        rest.written = whole.written
        parts.append(rest)
    }
}

/// Up to which number the log has records, as far as this process knows: a publisher can't deliver what isn't written.
final class LogEnd: Sendable {
    // Two event loops may raise it: the highest wins.
    private let known = Atomic<UInt64>(0)
    private let read: @Sendable () throws -> SequenceNumber

    /// Starts without knowing; `read` looks the log's last number up.
    init(_ read: @escaping @Sendable () throws -> SequenceNumber) { self.read = read }

    /// This process has committed records up to a number.
    func raise(to sequence: SequenceNumber) { known.max(sequence.rawValue, ordering: .relaxed) }

    /// Whether the log has come to this number.
    ///
    /// The log is read only for numbers above those that are known: other gateways' records. Where it can't be read, nobody is accused: whoever
    /// catches up reads the same log and is told.
    func hasReached(_ sequence: SequenceNumber) -> Bool {
        if sequence.rawValue <= known.load(ordering: .relaxed) { return true }
        guard let last = try? read() else { return true }
        raise(to: last)
        return sequence <= last
    }
}

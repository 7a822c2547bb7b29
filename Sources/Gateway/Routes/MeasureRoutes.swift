import ChangeQueue
import HTTPTypes
import Hummingbird
import Metrics
import SluiceCore
import StageLatency

/// `/metrics`, `/latency` and `/latency/records/{id}`.
struct MeasureRoutes: Sendable {
    let measures: GatewayMeasures
    let logID: UInt32
    let budgets: ByteBudgets
    let reader: any LogReading
    /// How many publishers are linked at the moment.
    let links: @Sendable () -> Int

    func register(on router: Router<GatewayRequestContext>) {
        let linked = Gauge(label: "sluice_gateway_links_connected", dimensions: [], factory: measures.metrics)
        router.get("/metrics") { _, _ in
            budgets.measure()
            linked.record(links())
            // What can't be read keeps its last value: the other metrics must come all the same.
            if let usage = try? reader.usage() { measures.log.show(usage) }
            return HTTPAnswer.bytes(measures.metrics.exposition(), PrometheusMetrics.contentType)
        }
        router.get("/latency") { _, _ in
            HTTPAnswer.json(measures.latencyWindows.report().json())
        }
        router.get("/latency/records/{id}") { _, context in
            let text = context.parameters.get("id") ?? ""
            let sequence = try sequence(text)
            guard let times = times(of: sequence) else {
                throw APIError(
                    .notFound,
                    "The gateway has no trace of record \(text.printable(limit: 40)): it keeps those of recent records."
                )
            }
            return HTTPAnswer.json(RecordTraceReport(sequence: sequence, times: times).json())
        }
    }

    /// A record that had no subscribers here has only its commit, which nobody else knows.
    private func times(of sequence: SequenceNumber) -> StageTimes? {
        if let times = measures.traces.trace(sequence) { return times }
        var times = StageTimes()
        times.committed = measures.commitTimes.committedAtNanoseconds(sequence)
        return times.committed == 0 ? nil : times
    }

    /// A record id, or only its sequence number.
    private func sequence(_ text: String) throws(APIError) -> SequenceNumber {
        if let number = UInt64(text) { return SequenceNumber(number) }
        guard let id = RecordID(text) else {
            throw APIError(.invalidRequest, "'\(text.printable(limit: 40))' is not a record id such as 5f2a91c0-18.")
        }
        guard id.logID == logID else { throw APIError(.notFound, "Record \(id) is of another log.") }
        return id.sequence
    }
}

import ArgumentParser
import Foundation

/// Loads Sluice or one of its peers over real sockets and prints one JSON object with what came of it.
@main
struct LoadGenerator: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Loads Sluice or a peer and prints a JSON object.",
        discussion: """
            A message is complete when all its receivers have it and, where the server acknowledges publishes, it is acknowledged; with fanout, wide
            and publish the next one leaves then. With paced, latency counts from when a message was due, so that a stalled server can't hide its stall.
            """
    )

    @OptionGroup var options: Options

    func run() throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        var report = Report(options)
        if options.workload == .commit {
            report.acknowledgement = try CommitRun.measure(options)
        } else {
            try load(&report)
        }
        try report.write()
    }

    private func load(_ report: inout Report) throws {
        let run = Run(options: options)
        defer { run.close() }
        report.residentBefore = options.processes.map(Usage.resident(of:))
        report.connectSeconds = try run.connect()
        switch options.workload {
        case .connect, .commit: break
        case .idle: try run.rest(until: Marker.now() + seconds(options.seconds))
        case .paced:
            let start = Marker.now() + 10_000_000
            try run.pace(from: start, until: start + seconds(options.warmUp))
            try measure(run, &report) { try run.pace(from: Marker.now(), until: $0) }
            note(run, &report)
        case .fanout, .wide, .publish:
            try run.keepInFlight(until: Marker.now() + seconds(options.warmUp))
            try measure(run, &report) { try run.keepInFlight(until: $0) }
        }
        report.residentAfter = options.processes.map(Usage.resident(of:))
        report.closed = run.closedSubscribers
        report.lost = run.outstanding.lost
    }

    private func measure(_ run: Run, _ report: inout Report, _ body: (UInt64) throws -> Void) throws {
        run.tally = Tally()
        let reads = run.poller.reads
        let own = Usage.own()
        let server = options.processes.map(Usage.cpu(of:))
        let start = Marker.now()
        try body(start + seconds(options.seconds))
        let elapsed = Double(Marker.now() - start) / 1e9
        report.seconds = elapsed
        report.generatorLoad = (Usage.own() - own) / elapsed
        report.serverCPUSeconds = zip(options.processes.map(Usage.cpu(of:)), server).map { $0 - $1 }
        report.published = run.tally.published
        report.publishesPerSecond = Double(run.tally.published) / elapsed
        report.acknowledgedPerSecond = Double(run.tally.acknowledged) / elapsed
        report.deliveries = run.tally.deliveries
        report.deliveriesPerSecond = Double(run.tally.deliveries) / elapsed
        let taken = run.poller.reads - reads
        if run.tally.deliveries > 0, taken > 0 {
            report.deliveriesPerRead = Double(run.tally.deliveries) / Double(taken)
        }
        note(run, &report)
        try run.drain()
    }

    /// With paced this happens again after the last message has arrived, so that late ones count.
    private func note(_ run: Run, _ report: inout Report) {
        report.delivery = Percentiles(run.tally.delivery)
        report.last = Percentiles(run.tally.last)
        report.acknowledgement = Percentiles(run.tally.acknowledgement)
    }

    private func seconds(_ seconds: Double) -> UInt64 { UInt64(seconds * 1e9) }
}

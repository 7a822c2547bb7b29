import ArgumentParser
import Glibc
import NIOCore
import NIOPosix
import UnixSignals

/// `sluice bench`: loads a running gateway as clients would, and shows latency and loss.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Load a running gateway with WebSockets and publishes; show latency and loss.",
        discussion: """
            Opens WebSockets, publishes over HTTP to topics of its own, and checks that each receiver gets each message exactly once and in \
            order. Latency counts from when a message was due, in microseconds. Ctrl-C ends the load early and shows what there is. \
            The exit code is 0 when everything was acknowledged and delivered, else 1. The messages stay in the log until retention trims them.
            """
    )

    @OptionGroup var bench: BenchOptions
    @OptionGroup var common: CommonOptions

    func run() async throws {
        let settings = try await common.settings()
        let plan = try bench.plan()
        let publishers = try bench.publisherAddresses()
        // Standard streams, event loops, the registry and the questions about stages need some too.
        try OwnProcess.allowOpenFiles(plan.connections + plan.publishConnections + 64)
        let progress = BenchProgress(isShown: !bench.json)
        let report: BenchReport
        do {
            let addresses = BenchStages.addresses(plan.target, publishers: publishers, settings)
            report = try await run(plan, addresses, progress)
        } catch {
            progress.clear()
            throw CommandError(error)
        }
        progress.clear()
        Terminal.write(bench.json ? report.json.text + "\n" : report.table())
        if !report.isGood { throw ExitCode(1) }
    }

    private func run(
        _ plan: BenchPlan,
        _ addresses: [String],
        _ progress: BenchProgress
    ) async throws -> BenchReport {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let runner = try await eventLoop.submit {
            NIOLoopBound(BenchRunner(plan, eventLoop: eventLoop, progress: progress), eventLoop: eventLoop)
        }.get()
        // A task of its own for as long as the run takes: it only passes the signal on.
        let signals = Task {
            for await signal in await UnixSignalsSequence(trapping: .sigint, .sigterm).prefix(2) {
                eventLoop.execute { runner.value.stop(by: signal.rawValue) }
            }
        }
        defer { signals.cancel() }
        async let begun = BenchStages.begin(addresses: addresses)
        try await eventLoop.flatSubmit { runner.value.connect() }.get()
        let stages = await begun
        let outcome = try await eventLoop.flatSubmit { runner.value.runLoad() }.get()
        let summaries = await stages.end()
        try await eventLoop.flatSubmit { runner.value.close() }.get()
        return BenchReport(plan: plan, outcome: outcome, stages: summaries, silent: stages.silent)
    }
}

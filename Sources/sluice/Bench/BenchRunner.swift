import Glibc
import NIOCore
import SluiceCore
import StageLatency

/// Performs a run: opens the connections, sends what ``BenchLoad`` says is due, and tells it what comes.
///
/// Bound to one event loop, on which all connections are: nothing is shared, so nothing is locked, and the clock is read on one thread.
final class BenchRunner {
    private enum Phase {
        case connecting
        case loading
        /// Nothing is sent any more, what is under way is waited for.
        case settling
        case ended
    }

    private let plan: BenchPlan
    private let eventLoop: any EventLoop
    private let progress: BenchProgress
    private var phase = Phase.connecting
    private var reader: BenchReplyReader
    private var start: BenchStart
    private var receivers: [Int: BenchReceiver] = [:]
    private var load: BenchLoad?
    private var usage = BenchUsage()
    private var isStopped = false
    /// Receivers that ended before the load began, with their close codes.
    private var endedEarly: [(receiver: Int, closeCode: Int)] = []
    private lazy var connected = eventLoop.makePromise(of: Void.self)
    private lazy var finished = eventLoop.makePromise(of: BenchOutcome.self)
    private lazy var closed = eventLoop.makePromise(of: Void.self)
    private var timer: Scheduled<Void>?
    private lazy var pool = PublishPool(plan, eventLoop, self)

    /// How often the run is looked at between events.
    private static let lookInterval = TimeAmount.milliseconds(100)
    /// All WebSockets must be subscribed within this time.
    private static let connectTime = TimeAmount.seconds(60)
    /// How long what is under way is waited for at the end, and for how long repetitions at least, nanoseconds.
    private static let settleNanoseconds: ClosedRange<UInt64> = 500_000_000...10_000_000_000
    /// How long the gateway's answers to our close frames are waited for.
    private static let closeTime = TimeAmount.seconds(2)

    init(_ plan: BenchPlan, eventLoop: any EventLoop, progress: BenchProgress) {
        self.plan = plan
        self.eventLoop = eventLoop
        self.progress = progress
        reader = BenchReplyReader(topics: plan.topics.count)
        start = BenchStart(connections: plan.connections)
    }

    // MARK: - The command's side

    /// Opens and subscribes all WebSockets, then the connections for publishing.
    func connect() -> EventLoopFuture<Void> {
        start.began(now: StageClock.nowNanoseconds())
        let deadline = eventLoop.assumeIsolated().scheduleTask(in: BenchRunner.connectTime) {
            self.fail(
                "only \(self.start.subscribedCount) of \(self.plan.connections) WebSockets were subscribed within 60 s"
            )
        }
        openMore()
        showConnectingLater()
        return connected.futureResult.always { _ in deadline.cancel() }
    }

    /// Runs the load.
    func runLoad() -> EventLoopFuture<BenchOutcome> {
        phase = .loading
        load = BenchLoad(plan, heads: start.heads, now: StageClock.nowNanoseconds())
        for (receiver, closeCode) in endedEarly { load?.disconnected(receiver, closeCode: closeCode) }
        publishDue()
        look()
        showLoad()
        return finished.futureResult
    }

    /// Ends the load early; what is under way is still waited for.
    ///
    /// Before the load, and the second time, the process ends at once.
    func stop(by signal: Int32) {
        guard load != nil, !isStopped else { _exit(128 + signal) }
        isStopped = true
        load?.stop(now: StageClock.nowNanoseconds())
    }

    /// Closes the WebSockets as a client should, so that the gateway counts no broken ones.
    func close() -> EventLoopFuture<Void> {
        phase = .ended
        timer?.cancel()
        pool.close()
        for receiver in receivers.values { receiver.close() }
        _ = eventLoop.assumeIsolated().scheduleTask(in: BenchRunner.closeTime) { self.closed.succeed() }
        if receivers.isEmpty { closed.succeed() }
        return closed.futureResult
    }

    // MARK: - Connecting

    private func openMore() {
        let runner = NIOLoopBound(self, eventLoop: eventLoop)
        let connection = ReceiverConnection(plan: plan, eventLoop: eventLoop)
        for index in start.next() {
            connection.open(index, for: runner).whenFailure { runner.value.connected.fail($0) }
        }
    }

    func receiverOpened(_ index: Int, _ receiver: BenchReceiver) { receivers[index] = receiver }

    private func subscribed(_ index: Int, after sequence: UInt64) {
        guard start.subscribed(index, after: sequence, now: StageClock.nowNanoseconds()) else { return openMore() }
        connected.completeWith(pool.open())
    }

    private func fail(_ what: String) {
        let sentence = "The load on \(plan.target.address) didn't begin: \(what)" + (what.hasSuffix(".") ? "" : ".")
        connected.fail(CommandError(.unavailable, sentence))
    }

    // MARK: - What the connections tell

    func received(_ text: ByteBuffer, by index: Int) {
        switch reader.read(text, topic: plan.topic(ofReceiver: index)) {
        case .event(let event):
            load?.delivered(event, to: index, now: StageClock.nowNanoseconds())
            publishFree()
        case .subscribed(let sequence): subscribed(index, after: sequence)
        case .error(let code, let message):
            let refusal = "\(code.printable(limit: 40)): \(message.printable(limit: 300))"
            fail("the gateway refuses a subscription with \(refusal)")
        case .faulty: fail("the server sends what isn't docs/protocol.md; is it a Sluice gateway?")
        case .other: break
        }
    }

    func receiverEnded(_ index: Int, closeCode: Int) {
        receivers[index] = nil
        switch phase {
        case .connecting:
            endedEarly.append((index, closeCode))
            fail("the gateway closed a WebSocket with \(closeCode)")
        case .loading, .settling: load?.disconnected(index, closeCode: closeCode)
        case .ended: if receivers.isEmpty { closed.succeed() }
        }
        publishFree()
    }

    func answered(_ number: Int, _ answer: BenchAnswer) {
        if answer.status == 202 {
            load?.acknowledged(number, now: StageClock.nowNanoseconds())
        } else {
            load?.refused(number, status: answer.status, text: answer.description)
        }
        publishFree()
    }

    func publishFailed(_ number: Int) {
        load?.unanswered(number)
        publishFree()
    }

    // MARK: - Load

    /// Sends what is due, and comes back when the next message is.
    private func publishDue() {
        guard phase == .loading else { return }
        sendDue()
        guard let next = load?.nextNanoseconds else { return }
        let now = StageClock.nowNanoseconds()
        let wait = TimeAmount.nanoseconds(next > now ? Int64(clamping: next - now) : 0)
        timer = eventLoop.assumeIsolated().scheduleTask(in: wait) { self.publishDue() }
    }

    /// Fills places in flight that have become free.
    private func publishFree() {
        if phase == .loading, case .inFlight = plan.pacing { sendDue() }
    }

    private func sendDue() {
        for message in load?.due(now: StageClock.nowNanoseconds()) ?? [] { pool.send(message) }
    }

    /// Looks whether the next part of the run has come.
    private func look() {
        guard let load, phase != .ended else { return }
        let now = StageClock.nowNanoseconds()
        usage.look(now: now, measuredFrom: load.measuredFromNanoseconds, end: load.endNanoseconds)
        if phase == .loading {
            self.load?.giveUpPlaces(now: now)
            publishFree()
            if now >= load.endNanoseconds { phase = .settling }
        } else {
            let settled = load.endNanoseconds.addingReportingOverflow(
                load.isSettled ? BenchRunner.settleNanoseconds.lowerBound : BenchRunner.settleNanoseconds.upperBound
            ).partialValue
            if now >= settled { return finish() }
        }
        _ = eventLoop.assumeIsolated().scheduleTask(in: BenchRunner.lookInterval) { self.look() }
    }

    private func finish() {
        guard var load else { return }
        phase = .ended
        load.finish()
        finished.succeed(
            BenchOutcome(
                counts: load.counts,
                latencies: load.latencies,
                connectSeconds: Double(start.elapsedNanoseconds) / 1e9,
                measuredSeconds: load.measuredSeconds,
                ownProcessorShare: usage.share,
                isStopped: isStopped
            )
        )
    }

    // MARK: - Progress

    private func showConnectingLater() {
        _ = eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) {
            guard self.phase == .connecting else { return }
            self.progress.show("\(self.start.subscribedCount) of \(self.plan.connections) WebSockets are subscribed")
            self.showConnectingLater()
        }
    }

    private func showLoad() {
        guard let load, phase != .ended else { return }
        let now = StageClock.nowNanoseconds()
        let total = plan.warmUpSeconds + plan.seconds
        let began = load.measuredFromNanoseconds - UInt64(plan.warmUpSeconds * 1e9)
        progress.show(
            BenchProgress.text(
                load.counts,
                elapsedSeconds: Double(now - began) / 1e9,
                of: total,
                isSettling: phase == .settling,
                deliveryP99: load.latencies.delivery.count == 0
                    ? nil : load.latencies.delivery.nanoseconds(atQuantile: 0.99)
            )
        )
        _ = eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) { self.showLoad() }
    }
}

import NIOCore
import NIOPosix
import StageLatency

/// What was counted, the warm-up included.
struct BenchCounts: Equatable, Sendable {
    var sent = 0
    var acknowledged = 0
    /// Publishes that were answered with an error, by status.
    var refused: [Int: Int] = [:]
    /// What the first of them was told.
    var firstRefusal: String?
    /// Publishes whose connection broke, or that had no answer when the run ended.
    var unanswered = 0
    /// Messages that were due and not sent, because too many were under way.
    var unsent = 0

    /// Deliveries that stored messages owe to the receivers that were connected when they were sent.
    var expected = 0
    var received = 0
    var lost = 0
    /// A receiver got a message that it had already.
    var repeated = 0
    var outOfOrder = 0
    /// Events whose `previous` wasn't the event that the receiver got before.
    var holes = 0
    /// Deliveries that took longer than ``BenchLoad/patienceNanoseconds``.
    var late = 0
    /// Events that are none of this run, or of a publish that was refused.
    var unknown = 0
    /// WebSockets that ended during the run, by close code; 1006 stands for none.
    var disconnected: [Int: Int] = [:]

    /// What went wrong, a part of a sentence each; empty when all is well.
    var faults: [String] {
        var faults: [String] = []
        func add(_ count: Int, _ what: String) { if count > 0 { faults.append("\(what): \(count)") } }
        add(lost, "lost")
        add(repeated, "repeated")
        add(outOfOrder, "out of order")
        add(holes, "holes in a topic's chain")
        for (status, count) in refused.sorted(by: { $0.key < $1.key }) {
            add(count, "publishes refused with \(status)")
        }
        add(unanswered, "publishes not answered")
        add(unsent, "publishes not sent")
        for (code, count) in disconnected.sorted(by: { $0.key < $1.key }) {
            add(count, "WebSockets closed with \(code)")
        }
        if sent == 0 { faults.append("nothing was published") }
        return faults
    }
}

/// What a run has brought.
struct BenchOutcome: Sendable {
    let counts: BenchCounts
    let latencies: BenchLatencies
    /// Until all WebSockets were connected and subscribed, seconds.
    let connectSeconds: Double
    /// How long was measured, seconds; less than planned when the run was stopped.
    let measuredSeconds: Double
    /// CPU of this process while it was measured, as a part of one core: near 1 the generator itself is what is slow.
    let ownProcessorShare: Double
    /// Whether somebody stopped the run before its end.
    let isStopped: Bool
}

/// The latencies of the measured part, each counted from when the message was due.
struct BenchLatencies: Sendable {
    /// Until the publish was acknowledged.
    var acknowledgement = LatencyDistribution()
    /// Until a receiver had the event.
    var delivery = LatencyDistribution()
    /// Until the last receiver had it.
    var lastReceiver = LatencyDistribution()

    /// All, with the names that people and programs read.
    var named: [(title: String, member: String, distribution: LatencyDistribution)] {
        [
            ("acknowledgement", "acknowledgement", acknowledgement),
            ("delivery", "delivery", delivery),
            ("last receiver", "lastReceiver", lastReceiver),
        ]
    }
}

/// Why the load can't begin, for people.
enum BenchFault {
    /// No connection to the gateway.
    static func cannotConnect(_ target: BenchTarget, _ error: any Error) -> CommandError {
        if let error = error as? CommandError { return error }
        let reason: String =
            switch error {
            case let error as NIOConnectionError:
                error.connectionErrors.first.map { plain($0.error) } ?? "the name '\(error.host)' can't be resolved"
            default: plain(error)
            }
        return CommandError(
            .unavailable,
            "No gateway answers at \(target.address): \(reason). Start one with 'sluice gateway', or name another with --url."
        )
    }

    private static func plain(_ error: any Error) -> String {
        switch error {
        case let error as IOError where error.errnoCode == ECONNREFUSED: "the connection is refused"
        case let error as IOError where error.errnoCode == EADDRNOTAVAIL:
            "no local port is free for one more connection; ask for fewer --connections"
        case let error as IOError: error.description
        case is ChannelError: "it doesn't take the connection, or closes it before the upgrade"
        default: "\(error)"
        }
    }
}

/// This process's CPU within the time that is measured.
struct BenchUsage {
    private var began: (nanoseconds: UInt64, processorSeconds: Double)?
    private var ended: (nanoseconds: UInt64, processorSeconds: Double)?

    /// Notes begin and end when they have come.
    mutating func look(
        now: UInt64,
        measuredFrom: UInt64,
        end: UInt64,
        processorSeconds: Double = OwnProcess.processorSeconds()
    ) {
        if began == nil, now >= measuredFrom { began = (now, processorSeconds) }
        if ended == nil, now >= end { ended = (now, processorSeconds) }
    }

    /// CPU as a part of one core; 0 while nothing was measured.
    var share: Double {
        guard let began, let ended, ended.nanoseconds > began.nanoseconds else { return 0 }
        return (ended.processorSeconds - began.processorSeconds) * 1e9 / Double(ended.nanoseconds - began.nanoseconds)
    }
}

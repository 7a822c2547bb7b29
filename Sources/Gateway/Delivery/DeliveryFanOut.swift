import DeliveryLink
import FanOut
import Logging
import Metrics
import NIOCore
import SluiceCore
import Synchronization

/// The gateway's side of the deliveries: decodes each record once, lets every event loop write to its sockets, and
/// answers with receipts when the last socket is written.
final class DeliveryFanOut: DeliveryReceiver {
    let services: WebSocketServices
    let loops: LoopDirectory
    private let measures: DeliveryMeasures
    private let logEnd: LogEnd
    private let undecodable: BoundedLog

    /// The fan-out of a gateway whose connections run on the loops of `group`.
    convenience init(context: GatewayContext, group: any EventLoopGroup, logEnd: LogEnd) {
        self.init(
            services: WebSocketServices(context),
            group: group,
            measures: DeliveryMeasures(context.measures),
            logEnd: logEnd,
            logger: context.logger
        )
    }

    init(
        services: WebSocketServices,
        group: any EventLoopGroup,
        measures: DeliveryMeasures,
        logEnd: LogEnd,
        logger: Logger
    ) {
        self.services = services
        loops = LoopDirectory(services: services, group: group)
        self.measures = measures
        self.logEnd = logEnd
        undecodable = BoundedLog(logger)
    }

    /// Takes the deliveries of one read, on the link's event loop.
    func receive(_ deliveries: [Delivery], on link: LinkReplies) {
        let decoded = decode(deliveries, link)
        guard !decoded.isEmpty else { return }
        if loops.eventLoops.count == 1, let loop = loops.eventLoops.first, loop.inEventLoop {
            // The link and all connections share the loop: nobody is woken.
            loops[loop]?.subscribers.rounds.deliver(decoded) { self.finish(decoded, $0, link) }
            return
        }
        let pending = PendingReceipts(deliveries: decoded.count, loops: loops.eventLoops.count)
        for eventLoop in loops.eventLoops {
            if eventLoop.inEventLoop {
                deliver(decoded, on: eventLoop, pending, link)
            } else {
                eventLoop.execute { self.deliver(decoded, on: eventLoop, pending, link) }
            }
        }
    }

    /// Brings every subscription up from the log; from any thread.
    func catchUpEverything() {
        for eventLoop in loops.eventLoops {
            eventLoop.execute { self.loops[eventLoop]?.subscribers.catchUpEverything() }
        }
    }

    private func decode(_ deliveries: [Delivery], _ link: LinkReplies) -> [FanOutDelivery] {
        var decoded: [FanOutDelivery] = []
        decoded.reserveCapacity(deliveries.count)
        for delivery in deliveries {
            do throws(RecordCodecError) {
                let one = try FanOutDelivery(delivery)
                if let foreign = foreignRecord(of: one) {
                    // Nothing of this read is taken: the publisher has no receipts and keeps its records.
                    link.end(DeliveryFanOut.foreign(foreign))
                    return []
                }
                decoded.append(one)
            } catch {
                undecodable.write(
                    .error,
                    "A delivery can't be decoded.",
                    ["delivery": "\(delivery.id)", "error": "\(error)"]
                )
                let receipt = Receipt(
                    deliveryID: delivery.id,
                    takenAtNanoseconds: delivery.takenAtNanoseconds,
                    status: .failed(.corruptRecord)
                )
                link.send([receipt])
            }
        }
        return decoded
    }

    /// A record that the log doesn't have, or whose chain leads forwards: passed on, it would make its topic's subscribers deaf for the real ones.
    private func foreignRecord(of delivery: FanOutDelivery) -> ChangeRecord? {
        for one in delivery.records {
            let record = one.record
            guard record.previous < record.sequence, logEnd.hasReached(record.sequence) else { return record }
        }
        return nil
    }

    private static func foreign(_ record: ChangeRecord) -> LinkError {
        LinkError(
            .foreignRecord,
            "Record \(record.sequence) with previous \(record.previous) isn't one of the gateway's log. "
                + "Give the publisher the gateway's data directory."
        )
    }

    private func deliver(
        _ deliveries: [FanOutDelivery],
        on eventLoop: any EventLoop,
        _ pending: PendingReceipts,
        _ link: LinkReplies
    ) {
        loops[eventLoop]?.subscribers.rounds.deliver(deliveries) { done in
            if let all = pending.add(done) { self.finish(deliveries, all, link) }
        }
    }

    private func finish(_ deliveries: [FanOutDelivery], _ done: LoopTallies, _ link: LinkReplies) {
        var receipts: [Receipt] = []
        receipts.reserveCapacity(deliveries.count)
        for (delivery, tally) in zip(deliveries, done.tallies) {
            receipts.append(
                Receipt(
                    deliveryID: delivery.id,
                    sockets: tally.sockets,
                    slow: tally.slow,
                    takenAtNanoseconds: delivery.takenAtNanoseconds,
                    writtenAtNanoseconds: tally.sockets > 0 ? done.writtenAtNanoseconds : 0
                )
            )
        }
        link.send(receipts)
        // A repetition, or a record that nobody wanted, has no latency.
        let written = zip(deliveries, done.tallies).compactMap { $1.sockets > 0 ? $0 : nil }
        measures.note(written, writtenAtNanoseconds: done.writtenAtNanoseconds)
    }
}

extension FanOutDelivery {
    /// Decodes a delivery and checks every record's checksum.
    /// - Throws: `RecordCodecError`.
    init(_ delivery: Delivery) throws(RecordCodecError) {
        var records: [Record] = []
        records.reserveCapacity(delivery.records.count)
        for delivered in delivery.records {
            records.append(
                Record(
                    record: try delivered.decoded(),
                    receivedAtNanoseconds: delivered.receivedAtNanoseconds,
                    resolvedAtNanoseconds: delivered.resolvedAtNanoseconds
                )
            )
        }
        self.init(
            id: delivery.id,
            records: records,
            sentAtNanoseconds: delivery.sentAtNanoseconds,
            takenAtNanoseconds: delivery.takenAtNanoseconds
        )
    }
}

/// Gathers what several event loops did with the deliveries of one read.
///
/// The last one answers.
final class PendingReceipts: Sendable {
    private struct State {
        var merged: LoopTallies
        var loopsLeft: Int
    }

    // One lock a loop and read: only gateways with several event loops have one at all.
    private let state: Mutex<State>

    init(deliveries: Int, loops: Int) {
        let empty = LoopTallies(tallies: Array(repeating: DeliveryTally(), count: deliveries), writtenAtNanoseconds: 0)
        state = Mutex(State(merged: empty, loopsLeft: loops))
    }

    /// Adds a loop's part.
    /// - Returns: everything, for the last loop; nil for the others.
    func add(_ part: LoopTallies) -> LoopTallies? {
        state.withLock { state in
            for index in state.merged.tallies.indices { state.merged.tallies[index].add(part.tallies[index]) }
            state.merged.writtenAtNanoseconds = max(state.merged.writtenAtNanoseconds, part.writtenAtNanoseconds)
            state.loopsLeft -= 1
            return state.loopsLeft == 0 ? state.merged : nil
        }
    }
}

/// Counts connections to the link's port, and links, that were ended for a fault of the other end.
struct LinkRefusals: Sendable {
    private let counters: CounterFamily<LinkErrorCode>

    init(factory: any MetricsFactory) {
        counters = CounterFamily("sluice_link_refusals_total", by: "code", factory: factory) { "\($0)" }
    }

    @Sendable func note(_ code: LinkErrorCode) { counters.increment(code) }
}

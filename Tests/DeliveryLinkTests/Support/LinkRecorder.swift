import DeliveryLink
import SluiceCore

/// Takes a client's events down as a stream that a test reads.
struct LinkRecorder: LinkEvents {
    enum Event: Sendable {
        case connected(LinkCredit)
        case receipts([Receipt])
        case disconnected([UInt64], LinkError)
    }

    let events: AsyncStream<Event>
    private let continuation: AsyncStream<Event>.Continuation

    init() { (events, continuation) = AsyncStream.makeStream() }

    func connected(_ gateway: GatewayID, credit: LinkCredit) { continuation.yield(.connected(credit)) }
    func receipts(_ gateway: GatewayID, _ receipts: [Receipt]) { continuation.yield(.receipts(receipts)) }
    func disconnected(_ gateway: GatewayID, unacknowledged: [UInt64], error: LinkError) {
        continuation.yield(.disconnected(unacknowledged, error))
    }
}

extension AsyncStream<LinkRecorder.Event>.Iterator {
    /// Waits for the next connection.
    mutating func connected() async -> LinkCredit? {
        while let event = await next(isolation: #isolation) { if case .connected(let credit) = event { return credit } }
        return nil
    }

    /// Gathers receipts until there are this many.
    mutating func receipts(_ count: Int) async -> [Receipt] {
        var all: [Receipt] = []
        while all.count < count, let event = await next(isolation: #isolation) {
            if case .receipts(let some) = event { all += some }
        }
        return all
    }

    /// Waits for the end of the connection.
    mutating func disconnected() async -> (unacknowledged: [UInt64], error: LinkError)? {
        while let event = await next(isolation: #isolation) {
            if case .disconnected(let ids, let error) = event { return (ids, error) }
        }
        return nil
    }
}

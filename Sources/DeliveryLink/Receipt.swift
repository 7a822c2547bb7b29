package import SluiceCore

/// The gateway's answer to a ``Delivery``.
///
/// The publisher retires a record only with receipts of all its gateways.
package struct Receipt: Equatable, Sendable {
    /// What became of a delivery.
    package enum Status: Equatable, Sendable {
        /// The gateway has taken it and wrote it to the sockets that wanted it, or knows that none does.
        case ok
        /// It hasn't been taken; it may be sent again.
        case failed(ReceiptFailure)
    }

    /// The delivery's number.
    package var deliveryID: UInt64
    /// How many sockets took it.
    package var sockets: UInt32
    /// Connections that were closed or passed over because they read too slowly.
    ///
    /// At most ``maximumListedConnections`` are sent.
    package var slow: [ConnectionID]
    /// When the gateway had read the frame, nanoseconds of `StageClock`.
    package var takenAtNanoseconds: UInt64
    /// When the last socket was written, nanoseconds of `StageClock`; zero when none was.
    package var writtenAtNanoseconds: UInt64
    /// Whether the delivery was taken.
    package var status: Status

    /// Most connection ids in a receipt, so that a receipt stays far below the frame limit.
    package static let maximumListedConnections = 100_000

    /// Makes a receipt.
    package init(
        deliveryID: UInt64,
        sockets: UInt32 = 0,
        slow: [ConnectionID] = [],
        takenAtNanoseconds: UInt64 = 0,
        writtenAtNanoseconds: UInt64 = 0,
        status: Status = .ok
    ) {
        self.deliveryID = deliveryID
        self.sockets = sockets
        self.slow = slow
        self.takenAtNanoseconds = takenAtNanoseconds
        self.writtenAtNanoseconds = writtenAtNanoseconds
        self.status = status
    }

    /// Whether the gateway has taken the delivery.
    package var isTaken: Bool { status == .ok }

    /// Whether there is no use in sending it again before the gateway's link has opened anew.
    package var isFromAbsentGateway: Bool { status == .failed(.notConnected) || status == .failed(.draining) }
}

extension Receipt {
    /// The link's own answer for a delivery that doesn't go to the gateway.
    static func refused(_ id: UInt64, _ failure: ReceiptFailure) -> Receipt {
        Receipt(deliveryID: id, status: .failed(failure))
    }
}

/// Why a delivery wasn't taken.
///
/// The numbers travel in receipts and never change their meaning.
package enum ReceiptFailure: UInt16, CaseIterable, Sendable {
    /// A record's checksum or layout is wrong.
    case corruptRecord = 1
    /// The gateway has no room for it now.
    case overloaded = 2
    /// The gateway is shutting down.
    case draining = 3
    /// The gateway failed inside; its log says how.
    case failedInside = 4
    /// There was no link to the gateway; given by the publisher's end itself.
    case notConnected = 5
    /// The delivery is longer than a frame may be; given by the publisher's end itself.
    case tooLarge = 6
    /// Too much waits for credit already; given by the publisher's end itself.
    case noCredit = 7
    /// A delivery of this number waits for its receipt already; given by the publisher's end itself.
    case duplicate = 8
    /// The gateway gave a reason that this version doesn't know.
    case unknown = 65_535
}

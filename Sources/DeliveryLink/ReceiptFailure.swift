/// Why a delivery wasn't taken.
///
/// The numbers travel in receipts and never change their meaning.
public enum ReceiptFailure: UInt16, CaseIterable, Sendable {
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

import DeliveryLink
import SluiceCore

/// Puts what the links say, on their event loop, into the mailbox of the publisher's thread.
struct LinkMail: LinkEvents {
    let mailbox: Mailbox

    func connected(_ gateway: GatewayID, credit: LinkCredit) { mailbox.put(.connected(gateway)) }

    func receipts(_ gateway: GatewayID, _ receipts: [Receipt]) { mailbox.put(.receipts(gateway, receipts)) }

    func disconnected(_ gateway: GatewayID, unacknowledged: [UInt64], error: LinkError) {
        mailbox.put(.disconnected(gateway, unacknowledged: unacknowledged))
    }

    // The number of batches in flight is bounded by the workers, below any link's credit.
    func writable(_ gateway: GatewayID) {}
}

import DeliveryLink
import NIOCore
import SluiceCore

/// What the links have said and the publisher's loop hasn't looked at yet.
///
/// They say it on the loop itself, also in the middle of a look: a link that can't take what it is given answers at once.
final class LinkNotices {
    /// Called after each notice.
    var onNotice: () -> Void = {}
    private var notices: [LinkNotice] = []

    /// Takes what has come since the last time.
    func take() -> [LinkNotice] {
        defer { notices = [] }
        return notices
    }

    fileprivate func put(_ notice: LinkNotice) {
        notices.append(notice)
        onNotice()
    }

    /// Puts what links on `eventLoop` say into these notices.
    func events(on eventLoop: any EventLoop) -> some LinkEvents {
        Events(notices: NIOLoopBound(self, eventLoop: eventLoop))
    }

    private struct Events: LinkEvents {
        let notices: NIOLoopBound<LinkNotices>

        func connected(_ gateway: GatewayID, credit: LinkCredit) { notices.value.put(.connected(gateway)) }

        func receipts(_ gateway: GatewayID, _ receipts: [Receipt]) {
            notices.value.put(.receipts(gateway, receipts))
        }

        func disconnected(_ gateway: GatewayID, unacknowledged: [UInt64], error: LinkError) {
            notices.value.put(.disconnected(gateway, unacknowledged: unacknowledged))
        }

        // The number of batches in flight is bounded by the workers, below any link's credit.
        func writable(_ gateway: GatewayID) {}
    }
}

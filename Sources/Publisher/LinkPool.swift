import DeliveryLink
import Logging
import NIOCore
import SluiceCore
import SubscriptionRegistry

/// One delivery link to each live gateway.
///
/// It is used on the publisher's event loop, on which the links are too.
final class LinkPool {
    private let group: any EventLoopGroup
    private let secret: LinkSecret?
    private let tls: LinkTLS?
    private let events: any LinkEvents
    private let logger: Logger
    private var links: [GatewayID: LinkClient] = [:]
    private var connected: Set<GatewayID> = []
    private var saidWaiting = false

    init(group: any EventLoopGroup, secret: LinkSecret?, tls: LinkTLS?, events: any LinkEvents, logger: Logger) {
        self.group = group
        self.secret = secret
        self.tls = tls
        self.events = events
        self.logger = logger
    }

    /// Gateways whose link takes deliveries.
    var connectedCount: Int { connected.count }

    /// Opens links to gateways that are new in the registry and closes those of gateways that left it.
    func follow(_ gateways: [GatewayRow]) {
        let live = Set(gateways.map(\.id))
        for (id, link) in links where !live.contains(id) {
            logger.info("gateway left, closing its link", metadata: ["gateway": "\(id)"])
            link.close()
            links[id] = nil
        }
        for gateway in gateways where links[gateway.id] == nil { open(gateway) }
        if links.isEmpty, !saidWaiting { logger.notice("no gateway in the registry yet: waiting for one to start") }
        saidWaiting = links.isEmpty
    }

    private func open(_ gateway: GatewayRow) {
        do {
            let address = try LinkAddress(gateway.linkAddress)
            let link = LinkClient(
                gateway: gateway.id,
                address: address,
                secret: secret,
                tls: tls,
                group: group,
                events: events,
                logger: logger
            )
            links[gateway.id] = link
            try link.start()
        } catch {
            logger.error(
                "gateway has an address that can't be used",
                metadata: ["gateway": "\(gateway.id)", "error": "\(error)"]
            )
        }
    }

    /// Keeps in mind which links are up.
    func note(_ notice: LinkNotice) {
        switch notice {
        case .connected(let gateway): connected.insert(gateway)
        case .disconnected(let gateway, _): connected.remove(gateway)
        case .receipts: break
        }
    }

    /// Hands deliveries to a gateway's link.
    /// - Returns: false when there is no such link; the caller takes the deliveries as not taken.
    func send(_ deliveries: [Delivery], to gateway: GatewayID) -> Bool {
        guard let link = links[gateway], connected.contains(gateway) else { return false }
        link.send(deliveries)
        return true
    }

    /// Closes every link.
    func close() {
        for link in links.values { link.close() }
        links = [:]
        connected = []
    }
}

/// What a link tells the publisher's loop.
enum LinkNotice: Sendable {
    /// The link has shaken hands and takes deliveries.
    case connected(GatewayID)
    /// A gateway has answered.
    case receipts(GatewayID, [Receipt])
    /// The link is gone; these deliveries have no receipt and never will.
    case disconnected(GatewayID, unacknowledged: [UInt64])
}

/// What the links have said and the publisher's loop hasn't looked at yet.
///
/// They say it on the loop itself, also in the middle of a look: a link that can't take what it is given answers at once.
final class LinkNotices {
    /// Called after each notice.
    var onNotice: () -> Void = {}
    private var notices: [LinkNotice] = []

    /// Removes what has come since the last time.
    func removeAll() -> [LinkNotice] {
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
    }
}

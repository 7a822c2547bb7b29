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
    private let events: any LinkEvents
    private let logger: Logger
    private var links: [GatewayID: LinkClient] = [:]
    private var connected: Set<GatewayID> = []
    private var saidWaiting = false

    init(group: any EventLoopGroup, secret: LinkSecret?, events: any LinkEvents, logger: Logger) {
        self.group = group
        self.secret = secret
        self.events = events
        self.logger = logger
    }

    /// Gateways whose link takes deliveries.
    var connectedCount: Int { connected.count }

    /// Whether a delivery to `gateway` can be sent now.
    func isConnected(_ gateway: GatewayID) -> Bool { connected.contains(gateway) }

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

package import Logging
package import NIOCore
package import SluiceCore

/// The publisher's end of the delivery link to one gateway: connects, comes back when the connection breaks, and sends
/// deliveries within the gateway's credit.
///
/// It runs from ``start()`` until ``close()``; without the latter it keeps trying for ever.
package final class LinkClient: Sendable {
    private let address: LinkAddress
    private let secret: LinkSecret?
    private let eventLoop: any EventLoop
    private let limits: LinkLimits
    private let loop: NIOLoopBoundBox<LinkClientLoop>

    /// Makes a client that ``start()`` starts.
    /// - Parameters:
    ///   - gateway: the gateway that is meant; another one at the address is not delivered to.
    ///   - address: where it takes links.
    ///   - secret: what the gateway's link wants to be known; TCP needs one, with TLS and without.
    ///   - tls: whose certificates are believed at an address with TLS; nil believes the system's authorities.
    ///   - group: gives the event loop that this link runs on.
    ///   - events: is told what happens.
    ///   - limits: credit and time-outs.
    ///   - logger: where waiting and connecting are noted.
    package init(
        gateway: GatewayID,
        address: LinkAddress,
        secret: LinkSecret?,
        tls: LinkTLS? = nil,
        group: any EventLoopGroup,
        events: any LinkEvents,
        limits: LinkLimits = LinkLimits(),
        logger: Logger
    ) {
        self.address = address
        self.secret = secret
        self.limits = limits
        let eventLoop = group.next()
        self.eventLoop = eventLoop
        loop = NIOLoopBoundBox.makeBoxSendingValue(
            LinkClientLoop(
                gateway: gateway,
                address: address,
                secret: secret,
                tls: tls,
                eventLoop: eventLoop,
                limits: limits,
                events: events,
                logger: logger
            ),
            eventLoop: eventLoop
        )
    }

    /// Connects, now and whenever the connection breaks.
    /// - Throws: ``LinkError`` with code `secretRequired` for an address of TCP, or TLS, without a secret.
    package func start() throws(LinkError) {
        if address.port != nil, secret == nil { throw .secretRequired(address) }
        eventLoop.execute { self.loop.value.start() }
    }

    /// Sends deliveries, in one write where the credit allows: at once on the link's event loop, with a hop to it from any
    /// other thread.
    ///
    /// What the gateway's credit doesn't allow yet waits for it, up to ``LinkLimits/maximumWaitingBytes``. Every delivery is
    /// answered through the ``LinkEvents``, also when there is no connection.
    package func send(_ deliveries: [Delivery]) {
        guard !deliveries.isEmpty else { return }
        let outgoing = OutgoingDeliveries(deliveries, maximumFrameBytes: limits.maximumFrameBytes)
        if eventLoop.inEventLoop {
            loop.value.send(outgoing)
        } else {
            eventLoop.execute { self.loop.value.send(outgoing) }
        }
    }

    /// Closes gracefully: takes no more deliveries, waits for the receipts that are due, at most
    /// ``LinkLimits/closeTimeoutNanoseconds``, and doesn't come back.
    ///
    /// Returns at once.
    package func close() {
        eventLoop.execute { self.loop.value.close() }
    }
}

/// What a ``LinkClient`` tells its publisher.
///
/// All calls come on the link's event loop: hand over and return.
///
/// `connected` and `disconnected` alternate. Every delivery that was given to ``LinkClient/send(_:)`` is answered
/// exactly once: by a receipt, or by its number in `disconnected`. Where the link itself refuses a delivery (no link,
/// no credit, too large), it makes the receipt.
package protocol LinkEvents: Sendable {
    /// The handshake is done: deliveries are taken.
    func connected(_ gateway: GatewayID, credit: LinkCredit)
    /// The receipts that came in one read, in the gateway's order.
    func receipts(_ gateway: GatewayID, _ receipts: [Receipt])
    /// The link is gone, and a new connection is tried unless it was closed. The deliveries may or may not have reached
    /// their subscribers: send them again, the gateways drop repetitions.
    func disconnected(_ gateway: GatewayID, unacknowledged: [UInt64], error: LinkError)
}

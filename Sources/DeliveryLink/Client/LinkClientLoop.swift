import Logging
import NIOCore
import NIOPosix
import PosixSupport
import SluiceCore

/// What a ``LinkClient`` keeps on its event loop: the present connection, or the wait for the next one.
final class LinkClientLoop {
    private enum Phase {
        case idle
        case connecting
        case connected(LinkClientHandler)
        case waiting(Scheduled<Void>)
        case closed
    }

    private let gateway: GatewayID
    private let address: LinkAddress
    private let secret: LinkSecret?
    private var tls: LinkTLS?
    private let eventLoop: any EventLoop
    private let limits: LinkLimits
    private let events: any LinkEvents
    private let logger: Logger
    private var phase = Phase.idle
    private var isClosing = false
    private var backoff: Backoff
    private var generator = SystemRandomNumberGenerator()
    /// The trouble that the log knows about: one line a kind, not one an attempt.
    private var loggedTrouble: LinkErrorCode?

    init(
        gateway: GatewayID,
        address: LinkAddress,
        secret: LinkSecret?,
        tls: LinkTLS?,
        eventLoop: any EventLoop,
        limits: LinkLimits,
        events: any LinkEvents,
        logger: Logger
    ) {
        self.gateway = gateway
        self.address = address
        self.secret = secret
        self.tls = tls
        self.eventLoop = eventLoop
        self.limits = limits
        self.events = events
        self.logger = logger
        backoff = Backoff(
            minimumNanoseconds: limits.reconnectMinimumNanoseconds,
            maximumNanoseconds: limits.reconnectMaximumNanoseconds
        )
    }

    // MARK: - The publisher's side

    func start() {
        if case .idle = phase { connect() }
    }

    func send(_ deliveries: OutgoingDeliveries) {
        if case .connected(let handler) = phase {
            handler.send(deliveries)
        } else {
            received(deliveries.parts.map { .refused($0.id, .notConnected) })
        }
    }

    func close() {
        isClosing = true
        switch phase {
        case .connected(let handler):
            handler.close()
        case .waiting(let attempt):
            attempt.cancel()
            phase = .closed
        case .idle, .connecting, .closed:
            phase = .closed
        }
    }

    // MARK: - The connection's side

    /// - Returns: false when the connection isn't wanted any more.
    func attach(_ handler: LinkClientHandler) -> Bool {
        guard case .connecting = phase else { return false }
        phase = .connected(handler)
        return true
    }

    func opened(_ credit: LinkCredit) {
        backoff.reset()
        loggedTrouble = nil
        logger.info("connected to gateway \(gateway) at \(address)")
        events.connected(gateway, credit: credit)
    }

    func received(_ receipts: [Receipt]) {
        if !receipts.isEmpty { events.receipts(gateway, receipts) }
    }

    func ended(_ handler: LinkClientHandler, unacknowledged: [UInt64], error: LinkError, wasOpen: Bool) {
        guard case .connected(let current) = phase, current === handler else { return }
        // Before the publisher is told, so that what it does in answer finds no connection.
        phase = .idle
        if wasOpen { events.disconnected(gateway, unacknowledged: unacknowledged, error: error) }
        retry(after: error)
    }

    // MARK: - Connecting

    private func retry(after error: LinkError) {
        guard !isClosing else {
            phase = .closed
            return logger.info("closed the link to gateway \(gateway) at \(address)")
        }
        if loggedTrouble != error.code {
            loggedTrouble = error.code
            logger.log(
                level: LinkClientLoop.level(of: error.code),
                "waiting for gateway \(gateway) at \(address)",
                metadata: ["error": "\(error)"]
            )
        }
        let delay = TimeAmount.nanoseconds(Int64(clamping: backoff.next(using: &generator)))
        phase = .waiting(eventLoop.assumeIsolated().scheduleTask(in: delay) { self.connect() })
    }

    /// What waiting alone won't cure is a warning.
    private static func level(of code: LinkErrorCode) -> Logger.Level {
        switch code {
        case .cannotConnect, .connectionLost, .draining, .closed, .wrongGateway: .notice
        default: .warning
        }
    }

    private func connect() {
        guard !isClosing else { return }
        phase = .connecting
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(.nanoseconds(Int64(clamping: limits.handshakeTimeoutNanoseconds)))
            .channelOption(.maxMessagesPerRead, value: LinkSockets.readsAtOnce)
            .channelOption(.recvAllocator, value: LinkSockets.receiptBuffers)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try bound.value.addHandlers(to: channel)
                }
            }
        let attempt: EventLoopFuture<any Channel> =
            switch address {
            case .unix(let path):
                bootstrap.channelOption(.socketOption(.so_sndbuf), value: LinkSockets.sendBufferBytes)
                    .connect(unixDomainSocketPath: path)
            case .tcp(let host, let port), .tls(let host, let port):
                bootstrap.channelOption(.tcpOption(.tcp_nodelay), value: 1).connect(host: host, port: port)
            }
        attempt.assumeIsolated().whenFailure { error in
            guard case .connecting = self.phase else { return }
            self.retry(
                after: error as? LinkError
                    ?? LinkError(.cannotConnect, "The gateway's link at \(self.address) can't be reached: \(error).")
            )
        }
    }

    private func addHandlers(to channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        if case .tls(let host, _) = address {
            // What a publisher without --link-ca believes is looked for when the first gateway wants it.
            let tls = try self.tls ?? LinkTLS(authorities: nil)
            self.tls = tls
            try pipeline.addHandler(try tls.clientHandler(host: host, logger))
        }
        try pipeline.addHandler(makeHandler())
    }

    private func makeHandler() -> LinkClientHandler {
        let session = LinkClientSession(
            limits: limits,
            gateway: gateway,
            secret: secret,
            nonce: .random(),
            nowNanoseconds: StageClock.nowNanoseconds()
        )
        return LinkClientHandler(session: session, limits: limits, owner: self)
    }
}

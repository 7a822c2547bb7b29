import Glibc
package import Logging
package import NIOCore
import NIOPosix
import PosixSupport
package import SluiceCore
import Synchronization

/// The gateway's end of the delivery links: listens, shakes hands with publishers and hands their deliveries to a
/// ``DeliveryReceiver``.
package final class LinkServer: Sendable {
    private struct State {
        var listener: (any Channel)?
        var file: FileIdentity?
        var links: [ObjectIdentifier: any Channel] = [:]
        var handshakes: HandshakePool<any Channel>
        var isDraining = false
        var log = RefusalLog()
    }

    private let address: LinkAddress
    private let secret: LinkSecret?
    private let tls: LinkTLS?
    private let group: any EventLoopGroup
    private let gatewayID: GatewayID
    private let receiver: any DeliveryReceiver
    private let limits: LinkLimits
    private let logger: Logger
    private let onRefusal: @Sendable (LinkErrorCode) -> Void
    private let state: Mutex<State>

    /// Makes a server that ``start()`` starts.
    /// - Parameters:
    ///   - address: where to listen.
    ///   - secret: what publishers must know; TCP needs one, with TLS and without.
    ///   - tls: the certificate of an address with TLS.
    ///   - group: the loops that links run on.
    ///   - gatewayID: this gateway; publishers that look for another are refused.
    ///   - receiver: takes the deliveries.
    ///   - limits: credit and time-outs.
    ///   - logger: where links that come and go are noted.
    ///   - onRefusal: called, on any thread, for each connection and link that is ended for a fault of the other end.
    package init(
        address: LinkAddress,
        secret: LinkSecret?,
        tls: LinkTLS? = nil,
        group: any EventLoopGroup,
        gatewayID: GatewayID,
        receiver: any DeliveryReceiver,
        limits: LinkLimits = LinkLimits(),
        logger: Logger,
        onRefusal: @escaping @Sendable (LinkErrorCode) -> Void = { _ in }
    ) {
        self.address = address
        self.secret = secret
        self.tls = tls
        self.group = group
        self.gatewayID = gatewayID
        self.receiver = receiver
        self.limits = limits
        self.logger = logger
        self.onRefusal = onRefusal
        state = Mutex(State(handshakes: HandshakePool(places: limits.maximumHandshakes)))
    }

    /// How many links are open.
    package var linkCount: Int { state.withLock { $0.links.count } }

    /// Listens.
    /// - Returns: the address to tell publishers; with TCP port 0 it has the port that the system chose.
    /// - Throws: ``LinkError`` with code `secretRequired`, `certificateRequired`, `addressInUse` or `cannotBind`.
    package func start() async throws(LinkError) -> LinkAddress {
        switch address {
        case .unix(let path): return try await listen(UnixSocketFile(path: path))
        case .tcp(let host, let port): return .tcp(host: host, port: try await listen(host: host, port: port))
        case .tls(let host, let port):
            guard tls != nil else { throw .certificateRequired(address) }
            return .tls(host: host, port: try await listen(host: host, port: port))
        }
    }

    /// Listens again if somebody has removed the Unix socket's file, without which no publisher can come; links that are open stay.
    ///
    /// Another socket in its place is left alone: two would push each other out.
    /// - Throws: ``LinkError`` with code `cannotBind`.
    package func restore() async throws(LinkError) {
        guard case .unix(let path) = address else { return }
        let file = UnixSocketFile(path: path)
        let old = state.withLock { $0.isDraining ? nil : $0.listener }
        guard let old, file.isGone else { return }
        _ = try await listen(file)
        // An error here means that it is closed already.
        try? await old.close()
        logger.notice("the link's socket was removed, listening again", metadata: ["address": "\(address)"])
    }

    /// Tells every publisher to send no more and refuses new ones.
    ///
    /// Deliveries that are here keep their way to a receipt.
    package func drain() {
        let links = state.withLock { state in
            state.isDraining = true
            return state.links.values + state.handshakes.all
        }
        for link in links { link.pipeline.fireUserInboundEventTriggered(LinkServerEvent.drain) }
    }

    /// Stops listening and closes every link; deliveries without a receipt are sent again by their publishers.
    package func close() async {
        let (listener, identity, links) = state.withLock { state in
            defer {
                state.listener = nil
                state.file = nil
                state.isDraining = true
            }
            return (state.listener, state.file, state.links.values + state.handshakes.all)
        }
        if case .unix(let path) = address, let identity { UnixSocketFile(path: path).remove(identity) }
        // An error here means that it is closed already.
        try? await listener?.close()
        for link in links {
            link.pipeline.fireUserInboundEventTriggered(LinkServerEvent.close)
            try? await link.closeFuture.get()
        }
    }

    // MARK: - Listening

    private func listen(_ file: UnixSocketFile) async throws(LinkError) -> LinkAddress {
        try file.check()
        if let other = try? await ClientBootstrap(group: group).connect(unixDomainSocketPath: file.path).get() {
            try? await other.close()
            throw LinkError(
                .addressInUse,
                "Another process listens at \(address). Stop it, or give this gateway another link address."
            )
        }
        let listener: any Channel
        do {
            listener = try await bootstrap()
                .bind(unixDomainSocketPath: file.bindingPath, cleanupExistingSocketFile: true).get()
        } catch {
            throw cannotBind(error)
        }
        do throws(LinkError) {
            let identity = try file.publish()
            keep(listener, file: identity)
            return address
        } catch {
            try? await listener.close()
            throw error
        }
    }

    /// Listens at a port; returns the one that it got.
    private func listen(host: String, port: Int) async throws(LinkError) -> Int {
        guard secret != nil else { throw .secretRequired(address) }
        let listener: any Channel
        do {
            listener = try await bootstrap()
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .bind(host: host, port: port).get()
        } catch {
            throw cannotBind(error)
        }
        keep(listener, file: nil)
        return listener.localAddress?.port ?? port
    }

    private func keep(_ listener: any Channel, file: FileIdentity?) {
        state.withLock { state in
            state.listener = listener
            state.file = file
        }
    }

    private func cannotBind(_ error: any Error) -> LinkError {
        if let error = error as? IOError, error.errnoCode == EADDRINUSE {
            return LinkError(
                .addressInUse,
                "Another process listens at \(address). Stop it, or give this gateway another link address."
            )
        }
        return LinkError(.cannotBind, "The gateway can't listen for links at \(address): \(error).")
    }

    private func bootstrap() -> ServerBootstrap {
        ServerBootstrap(group: group)
            .serverChannelInitializer { [logger] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptPause(listener: "link", logger: logger))
                }
            }
            .childChannelOption(.maxMessagesPerRead, value: LinkSockets.readsAtOnce)
            .childChannelOption(.recvAllocator, value: LinkSockets.deliveryBuffers)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if self.address.isEncrypted, let tls = self.tls {
                        try channel.pipeline.syncOperations.addHandler(try tls.serverHandler(self.logger))
                    }
                    try channel.pipeline.syncOperations.addHandler(self.handler(for: channel))
                }
            }
    }

    // MARK: - Links

    private func handler(for channel: any Channel) -> LinkServerHandler {
        let id = ObjectIdentifier(channel)
        let refusal = register(channel)
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { state in
                state.links[id] = nil
                state.handshakes.leave(id)
            }
        }
        let session = LinkServerSession(
            limits: limits,
            gateway: gatewayID,
            secret: secret,
            refusal: refusal,
            nonce: .random(),
            nowNanoseconds: StageClock.nowNanoseconds()
        )
        var logger = logger
        if let remote = channel.remoteAddress, remote.port != nil { logger[metadataKey: "publisher"] = "\(remote)" }
        return LinkServerHandler(
            session: session,
            limits: limits,
            receiver: receiver,
            onProof: {
                let refusal = self.takePlace(id)
                if refusal == nil { logger.info("a publisher has connected") }
                return refusal
            },
            onEnd: { error, wasOpen in self.note(error, wasOpen: wasOpen, logger: logger) }
        )
    }

    /// Notes a connection whose handshake begins; an older one has to go if there are too many.
    private func register(_ channel: any Channel) -> LinkError? {
        let (displaced, refusal) = state.withLock { state in
            // Links over a Unix socket all have the same origin: only this user can make them.
            let origin = channel.remoteAddress?.ipAddress ?? ""
            let displaced = state.handshakes.enter(ObjectIdentifier(channel), channel, from: origin)
            return (displaced, state.isDraining ? LinkError.drainingGateway : nil)
        }
        displaced?.pipeline.fireUserInboundEventTriggered(LinkServerEvent.displace)
        return refusal
    }

    /// Gives a link whose publisher has proven itself its place.
    private func takePlace(_ id: ObjectIdentifier) -> LinkError? {
        state.withLock { state in
            if state.isDraining { return .drainingGateway }
            guard state.links.count < limits.maximumLinks else { return .tooManyLinks(limits) }
            // It may have been displaced in the same moment.
            guard let channel = state.handshakes.leave(id) else { return .displaced(limits) }
            state.links[id] = channel
            return nil
        }
    }

    private func note(_ error: LinkError, wasOpen: Bool, logger: Logger) {
        let metadata: Logger.Metadata = ["error": "\(error)"]
        switch error.code {
        case .closed, .connectionLost, .draining:
            // Before the handshake it is somebody who looked whether the port answers.
            logger.log(level: wasOpen ? .info : .debug, "a publisher's link has ended", metadata: metadata)
        default:
            onRefusal(error.code)
            let now = StageClock.nowNanoseconds()
            let level = state.withLock { $0.log.level(for: error.code, nowNanoseconds: now) }
            logger.log(
                level: level,
                wasOpen ? "a publisher's link was ended" : "a publisher was refused",
                metadata: metadata
            )
        }
    }
}

public import SluiceCore

/// What went wrong on a delivery link.
///
/// The numbers travel in reject frames and never change their meaning.
public enum LinkErrorCode: UInt16, CaseIterable, Sendable {
    /// The address is none of `unix:/path`, `tcp://host:port` and `tls://host:port`.
    case invalidAddress = 1
    /// A TCP link was asked for and no secret is set.
    case secretRequired = 2
    /// Another process listens at the address.
    case addressInUse = 3
    /// The gateway can't listen at the address.
    case cannotBind = 4
    /// The publisher can't reach the address.
    case cannotConnect = 5
    /// The two ends speak different versions of the link's protocol.
    case versionMismatch = 6
    /// The other end doesn't know the secret, or knows another.
    case wrongSecret = 7
    /// The address belongs to another gateway now.
    case wrongGateway = 8
    /// The other end didn't finish the handshake in time.
    case handshakeTimeout = 9
    /// The other end has sent nothing for too long, not even a pong.
    case silentPeer = 10
    /// A frame is longer than the limit.
    case frameTooLarge = 11
    /// A frame has a type that this version doesn't know.
    case unknownFrameType = 12
    /// A frame's contents contradict its length or its own counts.
    case malformedFrame = 13
    /// A frame came when it makes no sense, such as a delivery before the handshake.
    case unexpectedFrame = 14
    /// A delivery came that the credit didn't allow.
    case creditExceeded = 15
    /// The gateway has as many links as it allows.
    case tooManyLinks = 16
    /// The gateway is shutting down and takes no more deliveries.
    case draining = 17
    /// The connection broke.
    case connectionLost = 18
    /// This end or the other closed the link on purpose.
    case closed = 19
    /// The other end refused with a code that this version doesn't know.
    case rejected = 20
    /// The link secret can be guessed.
    case weakSecret = 21
    /// The handshake had to make room for newer ones before it was done.
    case tooManyHandshakes = 22
    /// A record's number or its chain isn't one of the gateway's log.
    case foreignRecord = 23
    /// TLS failed: the other end doesn't speak it, or its certificate isn't one that is believed.
    case tlsFailed = 24
    /// The link's certificate, its key or the authorities can't be used.
    case invalidTLSFiles = 25
    /// A link over TLS was asked for and there is no certificate.
    case certificateRequired = 26
}

/// An error of a delivery link.
public typealias LinkError = CodedError<LinkErrorCode>

extension LinkError {
    /// What both ends say when their versions differ.
    static func versions(gateway: UInt16, publisher: UInt16) -> LinkError {
        LinkError(
            .versionMismatch,
            "The gateway speaks version \(gateway) of the delivery link and the publisher version \(publisher): "
                + "run the same Sluice on both."
        )
    }

    /// A handshake that takes too long.
    static func slowHandshake(_ limits: LinkLimits) -> LinkError {
        LinkError(
            .handshakeTimeout,
            "The other end of the link didn't finish the handshake within "
                + "\(limits.handshakeTimeoutNanoseconds / 1_000_000) ms."
        )
    }

    /// A handshake whose place others need.
    static func displaced(_ limits: LinkLimits) -> LinkError {
        LinkError(
            .tooManyHandshakes,
            "More than \(limits.maximumHandshakes) connections haven't finished the handshake, and this was the oldest. "
                + "Look who connects to the link's port without proving that it is a publisher."
        )
    }

    /// A gateway whose places are taken, by publishers that have proven themselves.
    static func tooManyLinks(_ limits: LinkLimits) -> LinkError {
        LinkError(
            .tooManyLinks,
            "The gateway has \(limits.maximumLinks) links, as many as it allows. Stop a publisher or raise the limit."
        )
    }

    /// A frame at the wrong time.
    static func unexpected(_ frame: LinkFrame, when: String) -> LinkError {
        LinkError(.unexpectedFrame, "A \(frame.name) frame makes no sense \(when).")
    }

    /// A gateway on its way out.
    static var drainingGateway: LinkError {
        LinkError(.draining, "The gateway is shutting down and takes no more deliveries.")
    }

    /// An address with TLS without a certificate.
    static func certificateRequired(_ address: LinkAddress) -> LinkError {
        LinkError(
            .certificateRequired,
            "The link at \(address) speaks TLS and has no certificate: set --link-certificate and --link-key."
        )
    }

    /// A TCP address without a secret.
    static func secretRequired(_ address: LinkAddress) -> LinkError {
        LinkError(
            .secretRequired,
            "The link at \(address) needs a secret, since others can reach it. Set the same link secret on both ends."
        )
    }
}

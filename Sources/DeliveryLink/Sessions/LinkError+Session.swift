import SluiceCore

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

    /// A TCP address without a secret.
    static func secretRequired(_ address: LinkAddress) -> LinkError {
        LinkError(
            .secretRequired,
            "The link at \(address) needs a secret, since others can reach it. Set the same link secret on both ends."
        )
    }
}

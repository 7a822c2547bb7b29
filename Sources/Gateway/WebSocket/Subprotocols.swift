import NIOHTTP1
import SluiceCore

/// The choice among the subprotocols that a client offers (RFC 6455, section 4.2.2).
enum Subprotocols {
    /// Whether ours is among those that a client offers.
    static func isOffered(by headers: HTTPHeaders) -> Bool {
        headers.elements(of: "Sec-WebSocket-Protocol").contains(ByteString(SluiceV1Session.name))
    }

    /// The one to answer with; nil when none was offered, which is taken for ours.
    /// - Throws: `UnsupportedSubprotocol` when only others were offered.
    static func choose(_ headers: HTTPHeaders) throws(APIError) -> String? {
        let offered = headers.elements(of: "Sec-WebSocket-Protocol")
        if offered.isEmpty { return nil }
        if offered.contains(ByteString(SluiceV1Session.name)) { return SluiceV1Session.name }
        let names = offered.map(\.string).joined(separator: ", ").printable(limit: 100)
        throw APIError(
            .unsupportedSubprotocol,
            "None of the subprotocols '\(names)' is spoken here: offer \(SluiceV1Session.name) or none."
        )
    }
}

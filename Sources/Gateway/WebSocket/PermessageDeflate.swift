import Deflate
import FanOut
import NIOHTTP1
import SluiceCore

/// What was agreed on about compressed messages (RFC 7692), chosen among what a client offers.
///
/// Neither side's messages point back into earlier ones: the gateway's are compressed once for many connections, and for the client's no connection
/// keeps a window.
struct PermessageDeflate: Equatable, Sendable {
    /// How far back the gateway's messages point.
    let window: DeflateWindow
    /// Whether the client asked for a limit, which the answer then names.
    private let isLimited: Bool

    /// Chooses the first offer that can be met; nil when there is none.
    init?(offers: [ByteString]) {
        for offer in offers {
            guard let chosen = PermessageDeflate(offer: offer) else { continue }
            self = chosen
            return
        }
        return nil
    }

    /// Reads one offer.
    ///
    /// Nil when it is another extension's, can't be met or isn't one of section 7.1: such an offer is declined, and the next one may do.
    private init?(offer: ByteString) {
        var parts = PermessageDeflate.parts(offer, ";")[...]
        guard parts.popFirst() == "permessage-deflate" else { return nil }
        var seen: Set<ByteString> = []
        var limit: Int?
        for part in parts {
            guard let parameter = Parameter(part), seen.insert(parameter.name).inserted else { return nil }
            switch (parameter.name, parameter.value) {
            // What a client says of its own messages holds anyway: an inflater of any window reads them.
            case ("server_no_context_takeover", nil), ("client_no_context_takeover", nil),
                ("client_max_window_bits", nil):
                continue
            case ("client_max_window_bits", let value?):
                guard PermessageDeflate.bits(value) != nil else { return nil }
            case ("server_max_window_bits", let value?):
                guard let bits = PermessageDeflate.bits(value) else { return nil }
                limit = bits
            default: return nil
            }
        }
        // zlib has no window of 8 bits.
        guard let window = DeflateWindow(atMost: limit ?? DeflateWindow.full.rawValue) else { return nil }
        self.window = window
        isLimited = limit != nil
    }

    /// The answer's field.
    var fields: HTTPHeaders {
        let agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        let limit = isLimited ? "; server_max_window_bits=\(window.rawValue)" : ""
        return ["Sec-WebSocket-Extensions": agreed + limit]
    }

    /// A number from 8 to 15 without zeros in front (section 7.1.2).
    private static func bits(_ value: ByteString) -> Int? {
        for bits in 8...15 where value == ByteString("\(bits)") { return bits }
        return nil
    }

    /// The parts between separators, without the white space around them that a field may have.
    private static func parts(_ text: ByteString, _ separator: Unicode.Scalar) -> [ByteString] {
        text.utf8.split(separator: UInt8(ascii: separator), omittingEmptySubsequences: false)
            .map { ByteString(String(decoding: $0, as: UTF8.self).trimmed) }
    }

    /// A parameter of an offer: a name, and a value that may stand in quotes (RFC 6455, section 9.1).
    private struct Parameter {
        let name: ByteString
        let value: ByteString?

        init?(_ part: ByteString) {
            let sides = PermessageDeflate.parts(part, "=")
            guard let first = sides.first, sides.count <= 2 else { return nil }
            name = first
            guard !name.isEmpty else { return nil }
            guard sides.count == 2 else {
                value = nil
                return
            }
            let text = sides[1]
            let quote = UInt8(ascii: "\"")
            let isQuoted = text.count >= 2 && text.utf8.first == quote && text.utf8.last == quote
            value = isQuoted ? ByteString(decoding: text.utf8.dropFirst().dropLast()) : text
        }
    }
}

/// How one connection's messages are compressed: by which rule, and for which window.
struct MessageCompression: Sendable {
    /// Which messages are compressed.
    let rule: CompressionRule
    /// How far back they point.
    let window: DeflateWindow
}

extension EventEncoding {
    /// The format's id among ``EventFormats/all(_:)``; `window`: nil for a connection without compression.
    func formatID(_ window: DeflateWindow?) -> EventFormatID {
        guard let window else { return formatID }
        return EventFormatID(rawValue: EventFormats.firstDeflated + 2 * UInt8(window.index) + rawValue)
    }
}

import SluiceCore

/// How a subscriber wants binary payloads; JSON and text come the same either way.
enum EventEncoding: UInt8, Sendable {
    /// As base64 in the event's JSON.
    case base64
    /// As binary frames, see docs/protocol.md.
    case frames

    /// Reads `binary` of a subscribe or of the connect URL.
    /// - Throws: `InvalidRequest`.
    init(parameter: ByteString) throws(APIError) {
        switch parameter {
        case "base64": self = .base64
        case "frames": self = .frames
        default:
            throw APIError(
                .invalidRequest,
                "'binary' must be 'frames' or 'base64', not '\(parameter.string.printable(limit: 40))'."
            )
        }
    }
}

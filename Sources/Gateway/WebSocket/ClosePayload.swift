import NIOCore
import SluiceCore

/// The payload of a client's close frame (RFC 6455, section 5.5.1).
enum ClosePayload: Equatable {
    /// It has no payload.
    case empty
    /// It gives a code; the reason, if any, is UTF-8.
    case code(UInt16)
    /// It isn't well-formed: fail the connection with this code.
    case faulty(CloseCode)

    /// Reads a payload.
    init(_ payload: ByteBuffer) {
        guard payload.readableBytes > 0 else {
            self = .empty
            return
        }
        var payload = payload
        guard let code = payload.readInteger(as: UInt16.self), ClosePayload.mayBeSent(code) else {
            self = .faulty(.protocolError)
            return
        }
        let isText = payload.withUnsafeReadableBytes { JSONText.isUTF8($0) }
        self = isText ? .code(code) : .faulty(.invalidPayload)
    }

    /// Codes that may stand in a frame (section 7.4 and IANA's registry): 1004 to 1006 and 1015 may not.
    static func mayBeSent(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

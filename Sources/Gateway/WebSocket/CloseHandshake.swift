import NIOCore
import SluiceCore

/// The closing of one connection (RFC 6455, section 7), from either side.
///
/// Time is passed in, nanoseconds of `StageClock`.
struct CloseHandshake {
    /// What to do.
    enum Action: Equatable {
        /// Nothing.
        case none
        /// Send this close frame and wait for the client's.
        case send(CloseCode)
        /// Send this close frame, close our side behind it, and discard what comes until the client closes its own.
        case sendAndLinger(CloseCode)
        /// Send a close frame with the client's own code, none if it gave none, then close the connection.
        case answer(UInt16?)
        /// Send this close frame, then close the connection.
        case sendAndEnd(CloseCode)
        /// Close the connection now.
        case end
    }

    private enum State {
        case open
        /// Our close frame is sent; the connection is cut at this time.
        case closing(until: UInt64)
        /// The client's close frame is answered; the connection is cut at this time if the answer can't be written.
        case answering(until: UInt64)
        case ended
    }

    private var state = State.open

    /// Whether messages still count.
    var isOpen: Bool { if case .open = state { true } else { false } }

    /// Closes from our side.
    mutating func close(_ code: CloseCode, until deadline: UInt64) -> Action {
        guard isOpen else { return .none }
        state = .closing(until: deadline)
        return .send(code)
    }

    /// The client broke the protocol, and nothing more of it counts.
    ///
    /// Its close frame may never be read behind what is broken, so its end of the connection is waited for as well.
    mutating func fail(_ code: CloseCode, until deadline: UInt64) -> Action {
        guard isOpen else { return .none }
        state = .closing(until: deadline)
        return .sendAndLinger(code)
    }

    /// The client's close frame has come.
    mutating func received(_ payload: ClosePayload, until deadline: UInt64) -> Action {
        switch state {
        case .ended, .answering: return .none
        case .closing:
            state = .ended
            return .end
        case .open:
            state = .answering(until: deadline)
            switch payload {
            case .empty: return .answer(nil)
            case .code(let code): return .answer(code)
            case .faulty(let code): return .sendAndEnd(code)
            }
        }
    }

    /// Whether the client has had its time, for a close frame or to take ours; true once.
    mutating func isOverdue(now: UInt64) -> Bool {
        switch state {
        case .closing(let deadline) where now >= deadline, .answering(let deadline) where now >= deadline:
            state = .ended
            return true
        case .open, .closing, .answering, .ended: return false
        }
    }
}

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

    /// The client's code; 1005 when it gave none, and 1002 for one that isn't well-formed.
    var clientCode: UInt16 {
        switch self {
        case .empty: 1005
        case .code(let code): code
        case .faulty: CloseCode.protocolError.rawValue
        }
    }

    /// Codes that may stand in a frame (section 7.4 and IANA's registry): 1004 to 1006 and 1015 may not.
    static func mayBeSent(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

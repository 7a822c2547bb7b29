import NIOHTTP1
import SluiceCore

/// The upgrade to a WebSocket, which any request of a connection may ask for (RFC 9110, section 7.8).
extension HTTPConnection {
    /// Begins a handshake; all requests before it are answered.
    mutating func beginHandshake(_ head: HTTPRequestHead, _ fields: PublishHead) -> Taken {
        let number = order.beginPublish()
        do throws(APIError) {
            guard fields.bodyLength == 0 else {
                throw APIError(.invalidRequest, "A request for a WebSocket has no body.")
            }
            let answer = try WebSocketHandshake.answer(to: head)
            reading = .handshake(Handshake(number: number, head: head, answer: answer))
            return .action(.decideUpgrade(head, ConnectionPeer(address: client, certificate: certificate)))
        } catch {
            if fields.bodyLength == 0, stay < .ends {
                reading = .discarding
                _ = answer(number, .refused(error))
            } else {
                refuse(number, error)
            }
            return .action(.noteRefusedUpgrade(head, error))
        }
    }

    /// A handshake's request is complete.
    mutating func takeEnd(of handshake: Handshake) -> Taken {
        switch handshake.progress {
        case .accepted: return .action(upgrade(handshake))
        case .asked, .complete:
            var handshake = handshake
            handshake.progress = .complete
            reading = .handshake(handshake)
            return .done
        }
    }

    /// The client gets its WebSocket; `fields` belong to the answer.
    mutating func acceptUpgrade(_ fields: HTTPHeaders) {
        guard phase == .open, case .handshake(var handshake) = reading else { return }
        handshake.answer.add(contentsOf: fields)
        switch handshake.progress {
        case .complete: owed = upgrade(handshake)
        case .asked, .accepted:
            handshake.progress = .accepted
            reading = .handshake(handshake)
        }
    }

    /// The client doesn't get a WebSocket.
    ///
    /// It is told in HTTP, unless it speaks our subprotocol: a page can't read the status of a refused upgrade, so that it gets a WebSocket that is
    /// closed at once.
    mutating func refuseUpgrade(_ error: APIError, now: UInt64) {
        guard phase == .open, case .handshake(let handshake) = reading else { return }
        if let code = CloseCode(ofRefusal: error.code), Subprotocols.isOffered(by: handshake.head.headers) {
            var fields = handshake.answer
            fields.add(name: "sec-websocket-protocol", value: SluiceV1Session.name)
            inbox.removeAll()
            parting = .lingering
            end(now: now)
            owed = .refuseWebSocket(handshake.head, fields, code, error)
            return
        }
        owed = .noteRefusedUpgrade(handshake.head, error)
        switch handshake.progress {
        case .asked, .accepted: reading = .discarding
        case .complete: reading = stay == .ends ? .ended : .between
        }
        _ = answer(handshake.number, .refused(error))
    }

    private mutating func upgrade(_ handshake: Handshake) -> Action {
        phase = .upgraded
        reading = .ended
        // More requests behind it can't be meant for a WebSocket.
        inbox.removeAll()
        return .becomeWebSocket(handshake.head, handshake.answer)
    }
}

extension CloseCode {
    /// How a WebSocket is closed whose connect is refused for a reason that its page should know; nil for other reasons.
    init?(ofRefusal code: APIErrorCode) {
        switch code {
        case .unauthorized: self = .unauthorized
        case .tokenExpired: self = .tokenExpired
        case .forbidden: self = .forbidden
        case .tooManySubscriptions, .tooManyConnections: self = .tooManyErrors
        default: return nil
        }
    }
}

import FanOut
import NIOCore
import SluiceCore

/// The protocol `sluice.v1`: JSON text messages, see docs/protocol.md.
struct SluiceV1Session: ClientSession {
    /// The subprotocol's name in the handshake.
    static let name = "sluice.v1"

    /// How events come when a subscribe doesn't say.
    let encoding: EventEncoding
    /// The epoch of the log as clients are told it, which is the same while the connection lasts.
    let epoch: String

    func request(_ message: InboundMessage) -> ClientRequest {
        guard message.isText else {
            return .refused(
                id: nil,
                APIError(.invalidRequest, "A message of \(SluiceV1Session.name) is JSON in a text frame, not binary.")
            )
        }
        var id: MessageID?
        do throws(APIError) {
            let members = try MessageMembers(Array(message.payload.readableBytesView))
            id = try members.id.map { value throws(APIError) in try MessageID(value) }
            return try request(members, id)
        } catch {
            return .refused(id: id, error)
        }
    }

    func greeting(_ connection: ConnectionID) -> ByteBuffer? { SluiceV1Encoder.connected(connection, epoch) }

    func subscribed(_ id: MessageID?, _ topics: [SubscribedTopic]) -> ByteBuffer {
        SluiceV1Encoder.subscribed(id, topics, epoch)
    }

    func unsubscribed(_ id: MessageID?, _ topics: [Topic]) -> ByteBuffer { SluiceV1Encoder.unsubscribed(id, topics) }

    func published(_ id: MessageID?, _ sequence: SequenceNumber) -> ByteBuffer {
        SluiceV1Encoder.published(id, sequence)
    }

    func authenticated(_ id: MessageID?, _ principal: String?, _ secondsLeft: Int?) -> ByteBuffer {
        SluiceV1Encoder.authenticated(id, principal, secondsLeft)
    }

    func lost(_ topics: [Topic], _ error: APIError) -> ByteBuffer { SluiceV1Encoder.lost(topics, error) }

    func warning(_ warning: ConnectionWarning) -> ByteBuffer? { SluiceV1Encoder.warning(warning) }

    func refused(_ id: MessageID?, _ error: APIError) -> ByteBuffer { SluiceV1Encoder.refused(id, error) }

    private func request(_ members: MessageMembers, _ id: MessageID?) throws(APIError) -> ClientRequest {
        guard let action = members.action?.byteString else {
            throw APIError(.invalidRequest, "The message has no 'action', or it isn't a string.")
        }
        switch action {
        case "subscribe":
            return .subscribe(
                SubscribeMessage(
                    id: id,
                    entries: try members.entries(),
                    epoch: try members.epoch(),
                    encoding: try members.encoding(otherwise: encoding)
                )
            )
        case "unsubscribe": return .unsubscribe(id: id, topics: try members.entries().map(\.topic))
        case "publish": return .publish(try members.publish(id))
        case "authenticate": return .authenticate(id: id, token: try members.token())
        case "ping": return .reply(SluiceV1Encoder.pong(id))
        default:
            throw APIError(
                .unknownAction,
                "The action '\(action.string.printable(limit: 40))' is not known: use subscribe, unsubscribe, publish, authenticate or ping."
            )
        }
    }
}

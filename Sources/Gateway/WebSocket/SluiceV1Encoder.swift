import ChangeQueue
import FanOut
import NIOCore
import SluiceCore

/// The gateway's messages of `sluice.v1` as ready-made text frames.
enum SluiceV1Encoder {
    static func connected(_ connection: ConnectionID, _ epoch: String) -> ByteBuffer {
        message("connected", nil) { json in
            json.member("connectionId", connection.description)
            json.member("epoch", epoch)
        }
    }

    static func subscribed(_ id: MessageID?, _ topics: [SubscribedTopic], _ epoch: String) -> ByteBuffer {
        message("subscribed", id) { json in
            json.name("topics")
            json.array { json in for topic in topics { json.object { topic.write(to: &$0) } } }
            json.member("epoch", epoch)
        }
    }

    static func unsubscribed(_ id: MessageID?, _ topics: [Topic]) -> ByteBuffer {
        message("unsubscribed", id) { json in
            json.name("topics")
            json.array { json in for topic in topics { json.value(topic.name) } }
        }
    }

    static func published(_ id: MessageID?, _ sequence: SequenceNumber) -> ByteBuffer {
        message("published", id) { $0.member("sequence", sequence.rawValue) }
    }

    static func pong(_ id: MessageID?) -> ByteBuffer { message("pong", id) { _ in } }

    static func authenticated(_ id: MessageID?, _ principal: String?, _ secondsLeft: Int?) -> ByteBuffer {
        message("authenticated", id) { json in
            if let principal { json.member("principal", principal) }
            if let secondsLeft { json.member("expiresInSeconds", secondsLeft) }
        }
    }

    static func lost(_ topics: [Topic], _ error: APIError) -> ByteBuffer {
        message("unsubscribed", nil) { json in
            json.name("topics")
            json.array { json in for topic in topics { json.value(topic.name) } }
            json.member("code", error.code.rawValue)
            json.member("message", error.message)
        }
    }

    static func warning(_ warning: ConnectionWarning) -> ByteBuffer {
        switch warning {
        case .tokenEnds(let seconds): message("tokenExpires", nil) { $0.member("inSeconds", seconds) }
        case .connectionEnds(let seconds):
            message("closing", nil) { json in
                json.member("inSeconds", seconds)
                json.member("reason", CloseCode.connectionTooOld.reason)
            }
        }
    }

    static func refused(_ id: MessageID?, _ error: APIError) -> ByteBuffer {
        message("error", id) { json in
            json.member("code", error.code.rawValue)
            json.member("message", error.message)
            if let seconds = error.retryAfterSeconds { json.member("retryAfter", UInt64(seconds)) }
            if let milliseconds = error.retryAfterMilliseconds { json.member("retryAfterMilliseconds", milliseconds) }
        }
    }

    private static func message(
        _ type: String,
        _ id: MessageID?,
        _ members: (inout JSONWriter) -> Void
    ) -> ByteBuffer {
        let json = JSONWriter.object { json in
            json.member("type", type)
            if let id { json.member("id", id.text) }
            members(&json)
        }
        return ServerFrame.frame(.text, json)
    }
}

extension SubscribedTopic {
    /// Writes the members that say where a subscription begins.
    func write(to json: inout JSONWriter) {
        json.member("topic", topic.name)
        json.member("sequence", sequence.rawValue)
        switch resume {
        case .none: break
        case .recovered: json.member("recovered", true)
        case .gap(let gap): gap.write(to: &json)
        case .diverged(let from, let gap):
            json.diverged(from: from)
            gap?.write(to: &json)
        }
    }
}

extension JSONWriter {
    /// Writes the member `diverged`: from where on the client's history isn't this log's.
    mutating func diverged(from sequence: SequenceNumber) {
        name("diverged")
        object { $0.member("from", sequence.rawValue) }
    }
}

extension SequenceGap {
    /// Writes the member `gap`.
    func write(to json: inout JSONWriter) {
        json.name("gap")
        json.object { json in
            json.member("from", from.rawValue)
            json.member("to", to.rawValue)
        }
    }
}

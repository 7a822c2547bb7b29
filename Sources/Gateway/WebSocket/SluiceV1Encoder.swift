import ChangeQueue
import FanOut
import NIOCore
import SluiceCore

/// The gateway's messages of `sluice.v1` as ready-made text frames.
enum SluiceV1Encoder {
    static func connected(_ connection: ConnectionID) -> ByteBuffer {
        var json = Array(#"{"type":"connected","connectionId":""#.utf8)
        connection.append(to: &json)
        json.append(contentsOf: #""}"#.utf8)
        return ServerFrame.frame(.text, json)
    }

    static func subscribed(_ id: MessageID?, _ topics: [SubscribedTopic]) -> ByteBuffer {
        var json = head("subscribed", id)
        json.append(contentsOf: #","topics":["#.utf8)
        for (index, topic) in topics.enumerated() {
            json.append(contentsOf: (index == 0 ? #"{"topic":"# : #",{"topic":"#).utf8)
            JSONText.appendString(topic.topic.name, to: &json)
            json.append(contentsOf: #","sequence":\#(topic.sequence)"#.utf8)
            switch topic.resume {
            case .none: break
            case .recovered: json.append(contentsOf: #","recovered":true"#.utf8)
            case .gap(let gap): json.append(contentsOf: #","gap":{"from":\#(gap.from),"to":\#(gap.to)}"#.utf8)
            }
            json.append(UInt8(ascii: "}"))
        }
        json.append(contentsOf: "]}".utf8)
        return ServerFrame.frame(.text, json)
    }

    static func unsubscribed(_ id: MessageID?, _ topics: [Topic]) -> ByteBuffer {
        var json = head("unsubscribed", id)
        json.append(contentsOf: #","topics":["#.utf8)
        for (index, topic) in topics.enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            JSONText.appendString(topic.name, to: &json)
        }
        json.append(contentsOf: "]}".utf8)
        return ServerFrame.frame(.text, json)
    }

    static func published(_ id: MessageID?, _ sequence: SequenceNumber) -> ByteBuffer {
        ServerFrame.frame(.text, head("published", id) + Array(#","sequence":\#(sequence)}"#.utf8))
    }

    static func pong(_ id: MessageID?) -> ByteBuffer {
        ServerFrame.frame(.text, head("pong", id) + [UInt8(ascii: "}")])
    }

    static func refused(_ id: MessageID?, _ error: APIError) -> ByteBuffer {
        var json = head("error", id)
        json.append(contentsOf: #","code":"\#(error.code.rawValue)","message":"#.utf8)
        JSONText.appendString(error.message, to: &json)
        json.append(UInt8(ascii: "}"))
        return ServerFrame.frame(.text, json)
    }

    private static func head(_ type: StaticString, _ id: MessageID?) -> [UInt8] {
        var json = Array(#"{"type":"\#(type)""#.utf8)
        if let id {
            json.append(contentsOf: #","id":"#.utf8)
            JSONText.appendString(id.text, to: &json)
        }
        return json
    }
}

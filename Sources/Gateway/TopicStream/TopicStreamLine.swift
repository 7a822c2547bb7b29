import FanOut
import NIOCore
import SluiceCore

/// An event as a line of JSON.
struct LineEventFormat: EventFormat {
    /// Its place among ``EventFormats/all``.
    static let id = EventFormatID(rawValue: 2)

    func append(_ record: ChangeRecord, to events: inout ByteBuffer, scratch: inout [UInt8]) {
        scratch.removeAll(keepingCapacity: true)
        EventEnvelope.appendJSON(record, to: &scratch)
        scratch.append(UInt8(ascii: "\n"))
        events.writeBytes(scratch)
    }
}

/// The lines of a stream that aren't events.
enum TopicStreamLine {
    /// The first one: where the stream begins, as sluice.v1 replies to a subscribe.
    static func subscribed(_ topic: SubscribedTopic, _ epoch: String) -> ByteBuffer {
        line { json in
            json.member("type", "subscribed")
            topic.write(to: &json)
            json.member("epoch", epoch)
        }
    }

    /// The last one of a response that the gateway ends.
    static func end(_ reason: String) -> ByteBuffer {
        line { json in
            json.member("type", "end")
            json.member("reason", reason)
        }
    }

    private static func line(_ members: (inout JSONWriter) -> Void) -> ByteBuffer {
        ByteBuffer(bytes: JSONWriter.object(members) + [UInt8(ascii: "\n")])
    }
}

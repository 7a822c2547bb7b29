package import FanOut
package import NIOCore
package import SluiceCore

/// One response of server-sent events as a value: ids in front of the shared events, and what isn't an event.
package struct ServerSentFraming: StreamFraming {
    package var format: EventFormatID { ServerSentEventFormat.id }

    private let epoch: String
    private var position: ServerSentPosition
    private var places: [ByteString: Int] = [:]

    /// After so long a client comes back that was broken off, milliseconds.
    package static let retryMilliseconds = 1_000

    /// A response that hasn't begun.
    package init(epoch: String) {
        self.epoch = epoch
        position = ServerSentPosition(epoch: epoch, topics: [], sequences: [])
    }

    package func keepAlive() -> ByteBuffer { ByteBuffer(string: ":\n\n") }

    package mutating func subscribed(
        _ topics: [SubscribedTopic],
        after known: [SequenceNumber?],
        json: [UInt8]
    ) -> ByteBuffer {
        let names = topics.map(\.topic)
        for (index, topic) in names.enumerated() { places[ByteString(topic.name)] = index }
        let sequences = zip(topics, known).map { topic, known in topic.begin(after: known) }
        position = ServerSentPosition(epoch: epoch, topics: names, sequences: sequences)
        var bytes = ByteBuffer(
            string: "retry: \(ServerSentFraming.retryMilliseconds)\nid: \(position.text)\nevent: subscribed\ndata: "
        )
        bytes.writeBytes(json)
        bytes.writeStaticString("\n\n")
        return bytes
    }

    package mutating func events(_ events: SharedEvents) -> ByteBuffer {
        var bytes = ByteBuffer()
        bytes.reserveCapacity(events.bytes.readableBytes + 64)
        events.withEach { event in
            var event = event
            guard let id = readID(of: &event) else { return }
            bytes.writeString(id)
            bytes.writeBuffer(&event)
        }
        return bytes
    }

    /// Takes off what stands in front of an event, and makes its line with the id of it.
    mutating func readID(of event: inout ByteBuffer) -> String? {
        guard let head = ServerSentEventFormat.readHead(of: &event) else { return nil }
        if let place = places[head.topic] { position.note(head.sequence, ofTopicAt: place) }
        return "id: \(position.text)\n"
    }

    package func end(json: [UInt8], retryMilliseconds: Int) -> ByteBuffer {
        var bytes = ByteBuffer(string: "retry: \(retryMilliseconds)\nevent: end\ndata: ")
        bytes.writeBytes(json)
        bytes.writeStaticString("\n\n")
        return bytes
    }
}

extension SubscribedTopic {
    /// The number behind which the topic's events begin, for a client that knew `known`.
    fileprivate func begin(after known: SequenceNumber?) -> SequenceNumber {
        switch resume {
        case .none: sequence
        case .recovered: known ?? sequence
        case .gap(let gap): gap.to.before
        case .diverged(let from, let gap): gap?.to.before ?? from.before
        }
    }
}

extension SequenceNumber {
    /// The number before; none for the first.
    fileprivate var before: SequenceNumber { rawValue == 0 ? self : SequenceNumber(rawValue - 1) }
}

package import SluiceCore

/// What a client of server-sent events has of all its topics, as the id of an event says it: the client sends the last one when it comes back.
///
/// `1-5f2a91c05f2a91c0-9ab3c1d2-17.33`: a version, the log's epoch, a checksum of the topics in the order of the request, and the last number of
/// each.
/// It stands alone, for a client may leave behind any event; so it grows with the topics, which are few.
package struct ServerSentPosition: Equatable, Sendable {
    /// The epoch of the log, as clients are told it.
    package let epoch: String
    /// The last number of each topic, in the order of the request.
    package private(set) var sequences: [SequenceNumber]
    private let checksum: UInt32

    /// Topics of one response at most.
    package static let maximumTopics = 100
    /// Bytes of an id at most, the epoch's and so many numbers.
    private static let maximumBytes = 400 + maximumTopics * 21

    /// A position before any event.
    package init(epoch: String, topics: [Topic], sequences: [SequenceNumber]) {
        self.epoch = epoch
        self.sequences = sequences
        checksum = ServerSentPosition.checksum(of: topics)
    }

    /// Reads what a client sends.
    ///
    /// Nil when it isn't an id of a response with just these topics.
    package init?(_ id: ByteString, topics: [Topic]) {
        guard id.count <= ServerSentPosition.maximumBytes else { return nil }
        let parts = id.split(separator: "-")
        guard parts.count >= 4, parts[0] == "1", let last = parts.last else { return nil }
        let expected = ServerSentPosition.checksum(of: topics)
        guard parts[parts.count - 2] == ByteString(String(expected, radix: 16)) else { return nil }
        var sequences: [SequenceNumber] = []
        for part in last.split(separator: ".") {
            guard part.utf8.first != UInt8(ascii: "+"), let number = UInt64(part.string) else { return nil }
            sequences.append(SequenceNumber(number))
        }
        guard sequences.count == topics.count else { return nil }
        epoch = parts[1..<(parts.count - 2)].map(\.string).joined(separator: "-")
        self.sequences = sequences
        checksum = expected
    }

    /// An event of a topic was sent.
    package mutating func note(_ sequence: SequenceNumber, ofTopicAt index: Int) {
        if sequences.indices.contains(index), sequences[index] < sequence { sequences[index] = sequence }
    }

    /// The id.
    package var text: String {
        let numbers = sequences.map { String($0.rawValue) }.joined(separator: ".")
        return "1-\(epoch)-\(String(checksum, radix: 16))-\(numbers)"
    }

    private static func checksum(of topics: [Topic]) -> UInt32 {
        var checksum = CRC32C()
        for topic in topics {
            Array(topic.name.utf8).withUnsafeBytes { checksum.update($0) }
            // No topic has this byte.
            [UInt8(0)].withUnsafeBytes { checksum.update($0) }
        }
        return checksum.value
    }
}

package import NIOCore
package import SluiceCore

/// What a response that doesn't end by itself writes around the events that it shares with others; a value of the one response.
package protocol StreamFraming: Sendable {
    /// How its events come.
    var format: EventFormatID { get }
    /// What is written when nothing else was for a while, so that nobody on the way takes the connection for dead.
    mutating func keepAlive() -> ByteBuffer

    /// What is written first: where the topics begin, as `json` says it.
    mutating func subscribed(_ topics: [SubscribedTopic], after known: [SequenceNumber?], json: [UInt8]) -> ByteBuffer
    /// What is written for events.
    mutating func events(_ events: SharedEvents) -> ByteBuffer
    /// What is written last where the gateway ends the response, as `json` says it; a client may come back after so many milliseconds.
    mutating func end(json: [UInt8], retryMilliseconds: Int) -> ByteBuffer
}

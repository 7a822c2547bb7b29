import NIOCore

/// A whole message of a client.
struct InboundMessage: Equatable {
    /// Whether it is text, which is then UTF-8.
    let isText: Bool
    /// Its bytes.
    let payload: ByteBuffer
}

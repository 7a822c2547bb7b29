import SluiceCore

/// A publish in the plainest form that HTTP/1.1 has, found in the bytes of a connection: nearly every publish of a
/// client that publishes often.
///
/// Parsing it here costs a fifth of what the general decoder costs for it. Whatever isn't plain is left to the decoder,
/// which alone decides what a request is that this doesn't know: a chunked body, an encoded topic, a field twice, an
/// offered protocol. So this accepts only what both read alike.
struct PlainPublish: Equatable {
    /// What stands at the beginning of the bytes.
    enum Reading: Equatable {
        /// A whole publish.
        case publish(PlainPublish)
        /// A publish of so many bytes, of which some haven't come.
        case partial(byteCount: Int)
        /// Not enough to tell.
        case incomplete
        /// Something for the decoder.
        case other
    }

    /// The topic, of printable ASCII characters without percent signs.
    let topic: Range<Int>
    /// The Host field's value.
    let host: Range<Int>
    /// The body's media type.
    let contentType: Range<Int>?
    /// The client's credentials.
    let authorization: Range<Int>?
    /// The payload.
    let body: Range<Int>
    /// Bytes of the whole request.
    var byteCount: Int { body.upperBound }

    /// Looks at what `bytes` begin with.
    static func read(_ bytes: UnsafeRawBufferPointer, limits: HTTPLimits) -> Reading {
        var scanner = PlainHeadScanner(bytes)
        switch scanner.scanHead(maximumFields: limits.headerFields) {
        case .whole: break
        // A head that grows and grows is the decoder's, which knows the limit.
        case .incomplete: return bytes.count < limits.headBytes ? .incomplete : .other
        case .other: return .other
        }
        guard scanner.offset <= limits.headBytes, let host = scanner.host, let length = scanner.contentLength,
            length <= limits.payloadBytes
        else { return .other }
        let end = scanner.offset + length
        guard end <= bytes.count else { return .partial(byteCount: end) }
        return .publish(
            PlainPublish(
                topic: scanner.topic,
                host: host,
                contentType: scanner.contentType,
                authorization: scanner.authorization,
                body: scanner.offset..<end
            )
        )
    }
}

package import NIOCore
package import SluiceCore

/// How a protocol writes a record as an event: the bytes are made once and shared by all subscribers that want the format.
package protocol EventFormat: Sendable {
    /// Appends one event.
    /// - Parameters:
    ///   - record: what happened.
    ///   - events: where it is appended.
    ///   - scratch: memory that is kept from one event to the next, to build in what has its length in front.
    func append(_ record: ChangeRecord, to events: inout ByteBuffer, scratch: inout [UInt8])
}

/// A format's place in the list that the composition registers.
package struct EventFormatID: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
}

/// Events of one topic in one format, made once for whoever wants them.
package struct SharedEvents: Sendable {
    /// All of them, one after the other.
    package let bytes: ByteBuffer
    /// Where each begins, counted as `bytes`' reader index was before anything of it was sent.
    private let starts: ArraySlice<Int>

    init(bytes: ByteBuffer, starts: ArraySlice<Int>) {
        self.bytes = bytes
        self.starts = starts
    }

    /// Each by itself, for subscribers that write something of their own in front of it.
    package func withEach(_ body: (ByteBuffer) -> Void) {
        guard let first = starts.first else { return }
        var ends = starts.dropFirst()
        for start in starts {
            let end = ends.popFirst() ?? first + bytes.readableBytes
            guard let event = bytes.getSlice(at: bytes.readerIndex + start - first, length: end - start) else {
                continue
            }
            body(event)
        }
    }

    /// What is left when the socket took the first bytes already.
    func dropFirst(_ count: Int) -> SharedEvents {
        guard count > 0 else { return self }
        var rest = bytes
        rest.moveReaderIndex(forwardBy: min(count, rest.readableBytes))
        return SharedEvents(bytes: rest, starts: starts)
    }
}

import Glibc
package import NIOCore

/// A connection's socket, for frames and answers that nothing waits in front of: one `send`, past the channel.
///
/// NIO's way to the same system call goes through the pipeline, a queue of pending writes and a flush. For a frame that
/// goes to thousands of sockets this costs a third of the delivery, most of it cache misses. The channel stays the
/// socket's owner, and the way for everything that the socket doesn't take at once.
///
/// It is used on the connection's event loop only, while the channel is active: NIO tells a channel's end in the same
/// call in which it closes the socket, so that the number can't be another connection's.
package struct DirectSocket: Equatable {
    private let descriptor: CInt
    private static let flags = CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)

    /// A connection whose frames go through its channel.
    package static let none = DirectSocket(descriptor: -1)

    private init(descriptor: CInt) { self.descriptor = descriptor }

    /// The socket of a channel; `none` for a channel without one, and when something in its pipeline changes bytes: none may pass that.
    package init(of context: ChannelHandlerContext, _ plain: PlainPipeline?) {
        guard plain != nil else {
            descriptor = -1
            return
        }
        let pipeline = context.pipeline.syncOperations
        let found = try? pipeline.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
        descriptor = (found ?? nil) ?? -1
    }

    /// Whether there is a socket.
    package var isUsable: Bool { descriptor >= 0 }

    /// Sends as much of `bytes` as the socket takes now.
    /// - Returns: how many bytes it took; none if it is broken, which the channel then finds out.
    package func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        max(0, Glibc.send(descriptor, bytes.baseAddress, bytes.count, DirectSocket.flags))
    }
}

/// Says that nothing between a connection's handlers and its socket changes bytes, so that they may be sent past the channel.
///
/// Whoever builds a pipeline knows, and hands it to the handlers; with TLS in the pipeline there is none.
package struct PlainPipeline: Sendable {
    /// Vouches for it.
    package init() {}
}

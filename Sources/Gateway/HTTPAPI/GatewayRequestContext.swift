import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// Hummingbird's context of one routed request, with the peer's address for the authorizer and the
/// connection's event loop for answers that are sent in pieces.
struct GatewayRequestContext: RequestContext, RemoteAddressRequestContext {
    var coreContext: CoreRequestContextStorage
    let remoteAddress: SocketAddress?
    /// The connection, for work that nobody waits for when it is closed.
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        remoteAddress = source.channel.remoteAddress
        channel = source.channel
    }
}

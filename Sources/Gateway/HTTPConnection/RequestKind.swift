/// Who answers a request: the two share a connection and their answers keep the requests' order.
enum RequestKind: Equatable, Sendable {
    /// ``HTTPConnectionHandler``, on the event loop.
    case publish
    /// Hummingbird's router, in a task of the request's own.
    case routed
}

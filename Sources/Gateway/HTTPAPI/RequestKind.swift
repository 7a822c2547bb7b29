/// Who answers a request: the two share a connection and their answers keep the requests' order.
enum RequestKind: Equatable, Sendable {
    /// ``PublishHandler``, on the event loop.
    case publish
    /// Hummingbird's router, in the connection's task.
    case routed
}

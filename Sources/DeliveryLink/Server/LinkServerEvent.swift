/// What a ``LinkServer`` tells the handlers of its links.
enum LinkServerEvent {
    /// Take no more deliveries.
    case drain
    /// Newer handshakes need the place.
    case displace
    /// Close now.
    case close
}

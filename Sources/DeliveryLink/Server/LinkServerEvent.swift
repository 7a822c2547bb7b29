/// What a ``LinkServer`` tells the handlers of its links.
enum LinkServerEvent {
    /// Take no more deliveries.
    case drain
    /// Close now.
    case close
}

/// What became of events that were written to one connection.
enum DeliveryOutcome {
    /// They are in its buffer.
    case taken
    /// More bytes wait for its socket than the limit allows.
    case tooSlow
    /// It closes.
    case closed
}

/// One bounded piece of reading history: a slice of a walk, or some records.
///
/// Exactly one of the two is called.
struct HistoryWork: Sendable {
    /// Does it, on a thread that may block.
    let run: @Sendable () -> Void
    /// Says that it won't be done: its connection is gone, or the gateway stops.
    let drop: @Sendable () -> Void
}

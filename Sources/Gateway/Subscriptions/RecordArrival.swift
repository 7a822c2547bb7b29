import SluiceCore

/// What the chain says about a record that was delivered.
enum RecordArrival: Equatable {
    /// Nobody here wants it now.
    case unwanted
    /// It was passed on before.
    case repetition
    /// It is the next of its topic.
    case next(feed: Int)
    /// Records after `position` and before it haven't come.
    case hole(feed: Int, position: SequenceNumber)
}

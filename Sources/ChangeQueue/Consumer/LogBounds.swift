/// What the log holds: records from `first` to `last`; when it is empty, `first` is the next one.
struct LogBounds: Hashable, Sendable {
    var first: UInt64
    var last: UInt64
}

/// An event as a receiver got it.
struct BenchEvent: Equatable, Sendable {
    let sequence: UInt64
    let previous: UInt64
    /// nil when it is of somebody else.
    let marker: BenchMarker?
}

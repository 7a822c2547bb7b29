/// Which WebSockets are open, being opened, or still to be opened: not all at once, for that would measure the listen backlog.
struct BenchStart {
    private let connections: Int
    private var opened = 0
    private var sequences: [UInt64?]
    private(set) var subscribedCount = 0
    private var beganNanoseconds: UInt64 = 0
    /// How long it took until all were subscribed.
    private(set) var elapsedNanoseconds: UInt64 = 0

    /// Most that are being opened at a time.
    static let window = 64

    init(connections: Int) {
        self.connections = connections
        sequences = Array(repeating: nil, count: connections)
    }

    mutating func began(now: UInt64) { beganNanoseconds = now }

    /// Takes those that are to be opened now.
    mutating func next() -> Range<Int> {
        let first = opened
        opened = min(connections, max(opened, subscribedCount + BenchStart.window))
        return first..<opened
    }

    /// One is subscribed, to what comes after the sequence number.
    /// - Returns: whether all are.
    mutating func subscribed(_ index: Int, after sequence: UInt64, now: UInt64) -> Bool {
        guard sequences.indices.contains(index), sequences[index] == nil else { return false }
        sequences[index] = sequence
        subscribedCount += 1
        elapsedNanoseconds = now > beganNanoseconds ? now - beganNanoseconds : 0
        return subscribedCount == connections
    }

    /// The topic's newest sequence number when each one subscribed.
    var heads: [UInt64] { sequences.map { $0 ?? 0 } }
}

import Glibc

/// Says how far a run is, on standard error: in place on a terminal, else a line now and then.
struct BenchProgress: Sendable {
    private let isShown: Bool
    private let isTerminal: Bool

    init(isShown: Bool, isTerminal: Bool = isatty(STDERR_FILENO) == 1) {
        self.isShown = isShown
        self.isTerminal = isTerminal
    }

    /// Shows the latest state.
    func show(_ text: String) {
        guard isShown else { return }
        Terminal.writeError(isTerminal ? "\r\(text)\(Terminal.clearLine)" : text + "\n")
    }

    /// Removes the line, so that the report begins on a fresh one.
    func clear() {
        if isShown, isTerminal { Terminal.writeError("\r\(Terminal.clearLine)") }
    }

    /// One line for a run under way; when it settles, nothing is sent any more and what is under way is waited for.
    static func text(
        _ counts: BenchCounts,
        elapsedSeconds: Double,
        of seconds: Double,
        isSettling: Bool = false,
        deliveryP99: UInt64?
    ) -> String {
        var text = "\(Int(min(elapsedSeconds, seconds))) of \(Int(seconds.rounded(.up))) s: "
        if isSettling { text = "waiting for what is under way: " }
        text += "\(counts.sent) sent, "
        text += "\(counts.acknowledged) acknowledged, \(counts.received) delivered"
        if let deliveryP99 { text += ", p99 \(BenchReport.milliseconds(deliveryP99)) ms" }
        let refused = counts.refused.values.reduce(0, +)
        if refused > 0 { text += ", \(refused) refused" }
        let disconnected = counts.disconnected.values.reduce(0, +)
        if disconnected > 0 { text += ", \(disconnected) WebSockets closed" }
        return text
    }
}

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

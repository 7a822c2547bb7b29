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

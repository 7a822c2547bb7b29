/// What was counted, the warm-up included.
struct BenchCounts: Equatable, Sendable {
    var sent = 0
    var acknowledged = 0
    /// Publishes that were answered with an error, by status.
    var refused: [Int: Int] = [:]
    /// What the first of them was told.
    var firstRefusal: String?
    /// Publishes whose connection broke, or that had no answer when the run ended.
    var unanswered = 0
    /// Messages that were due and not sent, because too many were under way.
    var unsent = 0

    /// Deliveries that stored messages owe to the receivers that were connected when they were sent.
    var expected = 0
    var received = 0
    var lost = 0
    /// A receiver got a message that it had already.
    var repeated = 0
    var outOfOrder = 0
    /// Events whose `previous` wasn't the event that the receiver got before.
    var holes = 0
    /// Deliveries that took longer than ``BenchLoad/patienceNanoseconds``.
    var late = 0
    /// Events that are none of this run, or of a publish that was refused.
    var unknown = 0
    /// WebSockets that ended during the run, by close code; 1006 stands for none.
    var disconnected: [Int: Int] = [:]

    /// What went wrong, a part of a sentence each; empty when all is well.
    var faults: [String] {
        var faults: [String] = []
        func add(_ count: Int, _ what: String) { if count > 0 { faults.append("\(what): \(count)") } }
        add(lost, "lost")
        add(repeated, "repeated")
        add(outOfOrder, "out of order")
        add(holes, "holes in a topic's chain")
        for (status, count) in refused.sorted(by: { $0.key < $1.key }) {
            add(count, "publishes refused with \(status)")
        }
        add(unanswered, "publishes not answered")
        add(unsent, "publishes not sent")
        for (code, count) in disconnected.sorted(by: { $0.key < $1.key }) {
            add(count, "WebSockets closed with \(code)")
        }
        if sent == 0 { faults.append("nothing was published") }
        return faults
    }
}

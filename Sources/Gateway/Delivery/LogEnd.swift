import SluiceCore
import Synchronization

/// Up to which number the log has records, as far as this process knows: a publisher can't deliver what isn't written.
final class LogEnd: Sendable {
    // Two event loops may raise it: the highest wins.
    private let known = Atomic<UInt64>(0)
    private let read: @Sendable () throws -> SequenceNumber

    /// Starts without knowing; `read` looks the log's last number up.
    init(_ read: @escaping @Sendable () throws -> SequenceNumber) { self.read = read }

    /// This process has committed records up to a number.
    func raise(to sequence: SequenceNumber) { known.max(sequence.rawValue, ordering: .relaxed) }

    /// Whether the log has come to this number.
    ///
    /// The log is read only for numbers above those that are known: other gateways' records. Where it can't be read, nobody is accused: whoever
    /// catches up reads the same log and is told.
    func hasReached(_ sequence: SequenceNumber) -> Bool {
        if sequence.rawValue <= known.load(ordering: .relaxed) { return true }
        guard let last = try? read() else { return true }
        raise(to: last)
        return sequence <= last
    }
}

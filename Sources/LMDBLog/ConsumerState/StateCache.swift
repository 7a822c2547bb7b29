import ChangeQueue
import LMDB

/// A consumer's state in memory: read again only when another publisher has committed since.
struct StateCache<State> {
    /// The state of the last update; nil before the first one and after a failure.
    private(set) var state: State?
    /// The last commit that the state includes.
    private var through: UInt64 = 0

    /// Whether nobody has committed since the last update.
    func isCurrent(_ store: ConsumerStore) -> Bool {
        state != nil && through == store.environment.lastTransactionIdentifier
    }

    /// Changes the state in one write transaction of the store.
    /// - Parameters:
    ///   - store: where the state is kept.
    ///   - load: reads the state when another publisher may have changed it; it is given the old one, unless that
    ///     failed.
    ///   - save: writes what `body` has changed and returns whether there was anything.
    ///   - body: the change.
    /// - Returns: what `body` returns.
    /// - Throws: whatever they throw. The store is then unchanged and the state is read again next time.
    mutating func update<Result>(
        _ store: ConsumerStore,
        load: (borrowing WriteTransaction, consuming State?) throws -> State,
        save: (inout State, borrowing WriteTransaction) throws -> Bool,
        _ body: (inout State) throws -> Result
    ) throws -> Result {
        // Taken out, so that nothing is copied when it is changed, and so that a failure leaves none behind.
        var working = state.take()
        let known = through
        var seen: UInt64 = 0
        let result = try store.environment.write { transaction in
            let identifier = transaction.identifier
            var current: State
            if let cached = working.take() {
                current = known &+ 1 == identifier ? cached : try load(transaction, cached)
            } else {
                current = try load(transaction, nil)
            }
            let result = try body(&current)
            // A transaction that changed nothing isn't committed, and its number is given again.
            seen = try save(&current, transaction) ? identifier : identifier - 1
            working = current
            return result
        }
        state = working
        through = seen
        return result
    }
}

@testable import Publisher
@testable import SluiceCore

/// Which gateways have subscribers of a record's topic: the same cost however many subscriptions there are.
enum Resolve {
    /// Records that are resolved at once, as a batch brings them.
    private static let records = 64

    static let cases =
        [1_000, 100_000, 1_000_000].map { subscriptions in
            MicroCase(
                suite: "resolve",
                name: "\(records) records, \(subscriptions) subscriptions",
                batch: 10,
                parts: [Part(unit: "record", count: records)],
                isSlowToMake: subscriptions > 100_000
            ) {
                let index = try FilledIndex(subscriptions: subscriptions)
                let batches = index.batches(of: records)
                let answered = index.pool
                var next = 0
                return Operation(run: { count in
                    for _ in 0..<count {
                        next = (next + 1) % batches.count
                        MeasuredSection.keep(index.resolver.resolve(batches[next], answered: answered))
                    }
                })
            }
        } + [
            MicroCase(suite: "resolve", name: "look for changes, none", batch: 10) {
                let index = try FilledIndex(subscriptions: 1_000)
                return Operation(run: { count in
                    for _ in 0..<count { MeasuredSection.keep(try index.refresh()) }
                })
            }
        ]
}

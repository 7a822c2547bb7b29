import GRDB

@testable import ChangeQueue
@testable import Publisher
@testable import SQLiteRegistry
@testable import SluiceCore

/// A registry with one gateway and its subscriptions, one a topic, and the publisher's index of it.
final class FilledIndex {
    private let directory: ScratchDirectory
    private let subscriptions: Int
    private(set) var resolver: Resolver

    init(subscriptions: Int) throws {
        self.subscriptions = subscriptions
        directory = try ScratchDirectory()
        let registry = try RegistryDatabase(path: directory.path + "/registry.sqlite")
        try registry.write("fill the registry") { database in
            try database.execute(
                sql: """
                    INSERT INTO gateways VALUES ('gateway', 'gateway', 1, 'unix:/link', 'http://localhost', 1, ?);
                    """,
                arguments: [Int64.max / 2]
            )
            // One statement: a gateway's own way would take a transaction for each.
            try database.execute(
                sql: """
                    WITH RECURSIVE numbers(number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM numbers LIMIT ?)
                    INSERT INTO interests SELECT 'gateway', 'orders/region-7/' || number FROM numbers ORDER BY 2;
                    """,
                arguments: [subscriptions]
            )
        }
        resolver = Resolver(index: try SubscriptionIndex(registry: registry))
    }

    /// A pool in which nothing waits.
    var pool: BatchesInFlight {
        BatchesInFlight(
            workers: 1,
            pushesSingly: false,
            retryMinimum: .milliseconds(100),
            retryMaximum: .seconds(1),
            maximumAsideRecords: 1_000
        )
    }

    /// Follows the registry.
    func refresh() throws -> Bool { try resolver.refresh() }

    /// Received records of 1,000 topics from all over the index.
    func batches(of count: Int) -> [[ReceivedRecord]] {
        // A prime apart, so that they are the same in every run and lie far from each other.
        let topics = (0..<1_000).map { $0 * 7_919 % subscriptions }
        return stride(from: 0, to: topics.count - count, by: count).map { start in
            topics[start..<start + count].map { topic in
                let sequence = UInt64(topic + 1)
                return ReceivedRecord(
                    record: EncodedRecord(Samples.record(sequence, topic: Samples.topic(topic))),
                    handle: ReceiptHandle(sequence: SequenceNumber(sequence), receive: 1),
                    receiveCount: 1
                )
            }
        }
    }
}

import SluiceCore

/// The records of one topic that one turn brought, in the chain's order.
struct TopicBatch {
    /// One record of it.
    struct Item {
        /// The record.
        let record: ChangeRecord
        /// The delivery that it came with; nil when it was read from the log.
        let delivery: Int?
    }

    /// The topic's feed.
    let feed: Int
    /// The records, ascending.
    var items: [Item] = []
}

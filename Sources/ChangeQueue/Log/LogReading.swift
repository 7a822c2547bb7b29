public import SluiceCore

/// The change log as gateways read it.
///
/// Calls may come from any thread and may wait for a disk, but not for long: a walk along a chain is done in slices. Every method throws `storage`
/// when the log can't be read and `corruptRecord` when a record isn't what was written.
public protocol LogReading: AnyObject, Sendable {
    /// The random number that the log drew when it was made; part of every record's id.
    var logID: UInt32 { get }

    /// The log's epochs, which stay as they are while any gateway has the log open.
    var epochs: LogEpochs { get }

    /// Whether all is in memory that an append needs: the first one after a start needn't wait for more.
    var isLoaded: Bool { get }

    /// The topic's newest committed record, of any process; `SequenceNumber.none` when there is none.
    func head(of topic: Topic) throws(ChangeQueueError) -> SequenceNumber

    /// The newest number that was given, also when its record was trimmed; `SequenceNumber.none` for a new log.
    func lastSequence() throws(ChangeQueueError) -> SequenceNumber

    /// The record at `sequence`; nil when it was trimmed or doesn't exist yet.
    func record(at sequence: SequenceNumber) throws(ChangeQueueError) -> ChangeRecord?

    /// Goes on with walks in their order, by `ChainWalk.sliceRecords` records in all at most.
    func advance(_ walks: inout [ChainWalk]) throws(ChangeQueueError)

    /// The item `key` of `table`; nil when it doesn't exist.
    func item(table: String, key: String) throws(ChangeQueueError) -> StoredItem?

    /// What is used of the log's limits; a few look-ups.
    func usage() throws(ChangeQueueError) -> LogUsage
}

extension LogReading {
    /// The records of a topic after a sequence number, by walking the chain backwards from its head.
    /// - Parameters:
    ///   - head: the topic's newest record; see ``head(of:)``.
    ///   - after: the last sequence number that is already known.
    ///   - maximumRecords: the walk's limit; older records are then a gap.
    /// - Returns: what was found, and the gap before it.
    /// - Throws: `storage`, `corruptRecord`.
    public func history(
        from head: SequenceNumber,
        after: SequenceNumber,
        maximumRecords: Int
    ) throws(ChangeQueueError) -> TopicHistory {
        var walks = [ChainWalk(head: head, after: after, maximumRecords: maximumRecords)]
        while !walks[0].isDone { try advance(&walks) }
        return walks[0].history
    }
}

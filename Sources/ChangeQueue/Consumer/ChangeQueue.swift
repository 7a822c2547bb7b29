public import SluiceCore

/// How a publisher takes records from the log and gives them back: one consumer, used on one thread.
///
/// Any number of publishers, in this and other processes, share the work of one data directory. Nothing here blocks for
/// long: a back end that isn't on this machine fetches ahead and rings the doorbell.
///
/// Every method throws ``ChangeQueueError``, and then has changed nothing. Times are the wall clock, nanoseconds since
/// 1970.
public protocol ChangeQueue {
    /// The queue's name.
    var id: QueueID { get }

    /// How it behaves.
    var attributes: QueueAttributes { get }

    /// Takes what is visible, in the order of the log: at most so many records, and no more after so many bytes (the
    /// first one whatever its size). They are hidden from the other publishers until they are retired or given back, or
    /// until this publisher dies or hangs.
    func receive(maximumRecords: Int, maximumBytes: Int, nowNanoseconds: UInt64) throws -> [ReceivedRecord]

    /// The records are delivered: they leave the queue. A handle of an earlier receive of a record does nothing.
    func retire(_ handles: [ReceiptHandle], nowNanoseconds: UInt64) throws

    /// The records couldn't be delivered: they are received again, by anyone, when the delay is over.
    func retry(_ handles: [ReceiptHandle], after delay: Duration, nowNanoseconds: UInt64) throws

    /// Shows that this publisher lives and takes over what dead ones held; call it about each second, well within the
    /// visibility timeout.
    /// - Returns: how long nothing becomes visible by itself; at most the visibility timeout.
    func heartbeat(nowNanoseconds: UInt64) throws -> Duration

    /// Records that retention trimmed before they were delivered, as far as this publisher noticed since it opened the
    /// queue.
    var trimmedRecords: UInt64 { get }

    /// The queue's figures.
    func depth(nowNanoseconds: UInt64) throws -> QueueDepth

    /// Gives back what this publisher holds, and leaves. Call it once; nothing can be called afterwards.
    func close() throws
}

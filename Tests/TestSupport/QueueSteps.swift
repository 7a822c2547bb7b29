public import ChangeQueue
public import SluiceCore

extension ChangeQueue {
    /// Receives at a time.
    public func take(
        _ maximumRecords: Int = 1_000,
        bytes: Int = 1 << 20,
        at now: UInt64 = wall()
    ) throws -> [ReceivedRecord] {
        try receive(maximumRecords: maximumRecords, maximumBytes: bytes, nowNanoseconds: now)
    }

    /// Retires what was received.
    public func retire(_ records: [ReceivedRecord]) throws {
        try retire(records.map(\.handle), nowNanoseconds: wall())
    }

    /// Gives back what was received.
    public func retry(_ records: [ReceivedRecord], after delay: Duration = .zero, at now: UInt64 = wall()) throws {
        try retry(records.map(\.handle), after: delay, nowNanoseconds: now)
    }

    /// Visible, in flight and delayed.
    public func figures(at now: UInt64 = wall()) throws -> [UInt64] {
        let depth = try depth(nowNanoseconds: now)
        return [depth.visible, depth.inFlight, depth.delayed]
    }
}

extension [ReceivedRecord] {
    /// The records' numbers.
    public var sequences: [UInt64] { map(\.record.sequence.rawValue) }
}

/// The wall clock.
public func wall() -> UInt64 { StageClock.wallNanoseconds() }

/// A draft with a small JSON payload.
public func draft(
    _ topic: String,
    _ payload: String = "1",
    acceptedAtNanoseconds: UInt64 = StageClock.nowNanoseconds()
) -> RecordDraft {
    RecordDraft(
        topic: Topic(alreadyChecked: topic),
        payload: Array(payload.utf8),
        acceptedAtNanoseconds: acceptedAtNanoseconds
    )
}

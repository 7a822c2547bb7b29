import ChangeQueue
import Logging
import SluiceCore

/// Records that retention trimmed before they were delivered: the one way in which an accepted record is lost, so it is never silent.
struct TrimCount {
    /// How many.
    private(set) var records: UInt64 = 0

    /// Counts and logs; does nothing for none.
    mutating func note(_ count: UInt64, _ logger: Logger) {
        guard count > 0 else { return }
        records = records.saturatingAdd(count)
        logger.warning(
            "retention has trimmed records before they were delivered: publishers are too slow or were away for too long",
            metadata: ["records": "\(count)", "since the start": "\(records)"]
        )
    }
}

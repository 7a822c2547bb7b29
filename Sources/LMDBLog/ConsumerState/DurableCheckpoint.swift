import ChangeQueue
import PosixSupport
import SluiceCore

/// Where a consumer goes on when its state is lost: a file that is written with sync, about each second.
struct DurableCheckpoint: Equatable, Sendable {
    /// The log that it belongs to.
    var logID: UInt32
    /// Every record up to this one is retired.
    var retiredThrough: UInt64

    /// The file of a queue: each has its own, so that publishers of two don't overwrite each other's.
    static func path(_ queue: QueueID, in directory: String) -> String {
        "\(directory)/checkpoint-\(queue).json"
    }

    /// The checkpoint in the file at `path`; nil when there is none or it isn't one.
    static func read(_ path: String) -> DurableCheckpoint? {
        guard let bytes = DurableFile.read(path), let json = try? JSONValue(bytes),
            let logID = json["logID"]?.unsignedInteger.flatMap({ UInt32(exactly: $0) }),
            let retiredThrough = json["retiredThrough"]?.unsignedInteger
        else { return nil }
        return DurableCheckpoint(logID: logID, retiredThrough: retiredThrough)
    }

    /// Writes the checkpoint to disk.
    func write(_ path: String) throws(ChangeQueueError) {
        let json = JSONWriter.object { json in
            json.member("logID", logID)
            json.member("retiredThrough", retiredThrough)
        }
        try ChangeQueueError.onSystem { () throws(SystemError) in
            try DurableFile.replace(path, with: json + [UInt8(ascii: "\n")])
        }
    }
}

/// Where a consumer begins that has no state.
struct ConsumerOrigin: Sendable {
    /// The directory of the consumer state.
    let directory: String
    /// The log that is consumed.
    let logID: UInt32

    /// After this record: the durable checkpoint of the same log, or 0, the oldest record that there is (TRIM_HORIZON):
    /// what was published before the first publisher was started is delivered, too.
    func cursor(_ queue: QueueID) -> UInt64 {
        let checkpoint = DurableCheckpoint.read(DurableCheckpoint.path(queue, in: directory))
        guard let checkpoint, checkpoint.logID == logID else { return 0 }
        return checkpoint.retiredThrough
    }
}

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
        let text = "{\"logID\":\(logID),\"retiredThrough\":\(retiredThrough)}\n"
        try DurableFile.replace(path, with: Array(text.utf8))
    }
}

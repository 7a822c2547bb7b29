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

    /// The queues that have one, by name.
    static func queues(in directory: String) -> [QueueID] {
        let (prefix, suffix) = ("checkpoint-", ".json")
        var queues: [QueueID] = []
        Directory.forEachEntry(of: directory) { name in
            guard name.utf8.starts(with: prefix.utf8), name.utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
            else { return }
            let queue = name.utf8.dropFirst(prefix.utf8.count).dropLast(suffix.utf8.count)
            if let queue = try? QueueID(ByteString(Substring(queue))) { queues.append(queue) }
        }
        return queues.sorted()
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

    /// Up to where any of the publishers' queues has delivered.
    ///
    /// Every publisher delivers to every gateway, whatever queue it takes records by: what one queue has retired needs no other. So a kind or a name
    /// can be changed with records pending, and back.
    func deliveredThrough() -> UInt64 {
        let checkpoints = DurableCheckpoint.queues(in: directory).compactMap {
            DurableCheckpoint.read(DurableCheckpoint.path($0, in: directory))
        }
        return checkpoints.filter { $0.logID == logID }.map(\.retiredThrough).max() ?? 0
    }
}

/// Says whether the consumer state can be trusted, since its commits aren't synchronous: after a crash of the machine
/// it can't, unless the last publisher had closed it before.
///
/// After a crash of processes it can: the kernel still had their writes.
struct BootMark: Equatable {
    /// The boot in which the state was last opened.
    var bootID: String
    /// Whether it was synced and closed since.
    var isClean: Bool

    /// The file's name beside the state.
    static let fileName = "boot.json"

    /// Whether the state that the mark stands for is whole.
    func isTrusted(bootID current: String) -> Bool { isClean || (bootID == current && !current.isEmpty) }

    /// The mark in a directory; nil when there is none.
    static func read(in directory: String) -> BootMark? {
        guard let bytes = DurableFile.read(directory + "/" + fileName), let json = try? JSONValue(bytes),
            let bootID = json["bootID"]?.string, let isClean = json["clean"]?.boolean
        else { return nil }
        return BootMark(bootID: bootID, isClean: isClean)
    }

    /// Writes the mark to disk.
    func write(in directory: String) throws(ChangeQueueError) {
        let json = JSONWriter.object { json in
            json.member("bootID", bootID)
            json.member("clean", isClean)
        }
        try ChangeQueueError.onSystem { () throws(SystemError) in
            try DurableFile.replace(directory + "/" + BootMark.fileName, with: json + [UInt8(ascii: "\n")])
        }
    }

    /// The running boot's id (random(4)); empty when the system has none, and then only a clean state is trusted.
    static func currentBootID() -> String {
        guard let bytes = DurableFile.read("/proc/sys/kernel/random/boot_id") else { return "" }
        return String(decoding: bytes.prefix { $0 > 0x20 }, as: UTF8.self)
    }
}

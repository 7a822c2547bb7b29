import ChangeQueue
import PosixSupport
import SluiceCore

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

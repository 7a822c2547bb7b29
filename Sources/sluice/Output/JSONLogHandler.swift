import Logging
import SluiceCore

/// Writes each log line as one JSON object: time, level, label, message, then the metadata as members of their own.
struct JSONLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    var logLevel: Logger.Level = .info
    private let label: String
    private let write: @Sendable (String) -> Void
    private let now: @Sendable () -> UInt64

    /// The members that are ours; metadata of these names gets a leading underscore.
    private static let reserved: Set<String> = ["time", "level", "logger", "message"]

    init(
        label: String,
        write: (@Sendable (String) -> Void)? = nil,
        now: @escaping @Sendable () -> UInt64 = StageClock.wallNanoseconds
    ) {
        self.label = label
        self.write =
            write ?? { line in
                LogOutput.standardError.add(line) { count in JSONLogHandler.leftOut(count, label, now()) }
            }
        self.now = now
    }

    /// The line that says how many were left out.
    private static func leftOut(_ count: Int, _ label: String, _ now: UInt64) -> String {
        var line = JSONObject()
        line.add("time", WallClock.text(nanoseconds: now))
        line.add("level", Logger.Level.warning.rawValue)
        line.add("logger", label)
        line.add("message", LogOutput.notice(count))
        return line.text + "\n"
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var line = JSONObject()
        line.add("time", WallClock.text(nanoseconds: now()))
        line.add("level", event.level.rawValue)
        line.add("logger", label)
        line.add("message", event.message.description)
        if let error = event.error { line.add("error", "\(error)") }
        var merged = metadata
        if let provided = metadataProvider?.get() { merged.merge(provided) { _, new in new } }
        if let own = event.metadata { merged.merge(own) { _, new in new } }
        for (key, value) in merged.sorted(by: { $0.key < $1.key }) {
            let isTaken = JSONLogHandler.reserved.contains(key) || (key == "error" && event.error != nil)
            line.add(isTaken ? "_\(key)" : key) { JSONLogHandler.write(value, to: &$0) }
        }
        // One write a line, so that the lines of several threads and processes don't mix.
        write(line.text + "\n")
    }

    private static func write(_ value: Logger.Metadata.Value, to json: inout JSONWriter) {
        switch value {
        case .string(let text): json.value(text)
        case .stringConvertible(let value): json.value(value.description)
        case .array(let values): json.array { json in for value in values { write(value, to: &json) } }
        case .dictionary(let members):
            json.object { json in
                for (name, value) in members.sorted(by: { $0.key < $1.key }) {
                    json.name(name)
                    write(value, to: &json)
                }
            }
        }
    }
}

/// Standard error for log lines: what they quote from outside can neither begin a line of its own nor command the terminal.
struct PrintableErrorStream: TextOutputStream, Sendable {
    mutating func write(_ line: String) {
        let line = line.hasSuffix("\n") ? String(line.dropLast()).printable + "\n" : line.printable
        LogOutput.standardError.add(line) { count in "warning sluice: \(LogOutput.notice(count))\n" }
    }
}

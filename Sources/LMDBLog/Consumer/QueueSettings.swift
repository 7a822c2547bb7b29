package import ChangeQueue
import PosixSupport
package import SluiceCore

/// What publishers have used a queue with: a file beside its checkpoint, so that a name is enough the next time, and so that a publisher with other
/// settings than the others' is told.
package struct QueueSettings: Equatable, Sendable {
    /// How records are taken.
    package let semantics: QueueSemantics
    /// Settings by their names, as one writes them.
    package let values: [(name: String, value: String)]

    /// Makes settings.
    package init(semantics: QueueSemantics, values: [(name: String, value: String)]) {
        self.semantics = semantics
        self.values = values
    }

    package static func == (left: QueueSettings, right: QueueSettings) -> Bool {
        left.semantics == right.semantics && left.values.elementsEqual(right.values) { $0 == $1 }
    }

    private static func path(_ queue: QueueID, in directory: String) -> String { "\(directory)/settings-\(queue).json" }

    /// What a queue was last used with; nil when it never was.
    package static func read(_ queue: QueueID, dataDirectory: String) -> QueueSettings? {
        read(queue, inConsumers: dataDirectory + "/consumers")
    }

    /// The same for who knows the directory of the consumer state.
    static func read(_ queue: QueueID, inConsumers directory: String) -> QueueSettings? {
        guard let bytes = DurableFile.read(path(queue, in: directory)),
            let json = try? JSONValue(bytes),
            let semantics = json["queue"]?.string.flatMap({ QueueSemantics(rawValue: $0) })
        else { return nil }
        let values = ((try? json["settings"]?.members(upTo: Limits.jsonMembers)) ?? []).map {
            (name: $0.key.string, value: $0.value.string ?? "")
        }
        return QueueSettings(semantics: semantics, values: values)
    }

    /// Notes them as those of a queue.
    /// - Throws: `ChangeQueueError` when the file can't be written.
    package func write(_ queue: QueueID, dataDirectory: String) throws(ChangeQueueError) {
        let json = JSONWriter.object { json in
            json.member("queue", semantics.rawValue)
            json.name("settings")
            json.object { json in for (name, value) in values { json.member(name, value) } }
        }
        try ChangeQueueError.onSystem { () throws(SystemError) in
            try Directory.make(dataDirectory + "/consumers")
            try DurableFile.replace(
                QueueSettings.path(queue, in: dataDirectory + "/consumers"),
                with: json + [UInt8(ascii: "\n")]
            )
        }
    }

    /// The settings in which these differ from others, in words.
    package func differences(from others: QueueSettings) -> [String] {
        values.compactMap { name, value in
            guard let other = others.values.first(where: { ByteString($0.name) == ByteString(name) })?.value,
                ByteString(other) != ByteString(value)
            else { return nil }
            return "\(name)=\(value), was \(other)"
        }
    }
}

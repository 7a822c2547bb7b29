import QueueEngine
import Queues
import SluiceCore

/// How `sluice queue peek NAME` and `receive` show messages.
enum MessageReport {
    /// Characters of a body that a table shows.
    private static let previewCharacters = 60

    // MARK: - Peeked

    /// For people.
    static func table(peeked: [StoredMessage], isFIFO: Bool) -> String {
        guard !peeked.isEmpty else { return "No message is there.\n" }
        let now = StageClock.wallNanoseconds()
        var table = TextTable(
            [("ORDINAL", .right), ("MESSAGE ID", .left), ("STATE", .left), ("RECEIVES", .right), ("AGE", .right)]
                + (isFIFO ? [("GROUP", .left)] : []) + [("BYTES", .right), ("BODY", .left)]
        )
        for stored in peeked {
            let message = try? stored.message.get()
            let age = message.map { Double(now &- min(now, $0.sentAtNanoseconds)) / 1e9 }
            table.add(
                [
                    "\(stored.ordinal)", message?.id.description ?? "-", stored.state.text, "\(stored.receiveCount)",
                    age.map(DurationText.rounded) ?? "-",
                ] + (isFIFO ? [message?.groupID?.string.printable(limit: 40) ?? "-"] : []) + [
                    "\(message?.body.utf8.count ?? 0)",
                    message?.body.printable(limit: previewCharacters) ?? "(damaged: it can't be read)",
                ]
            )
        }
        return table.text()
    }

    /// For programs: an array.
    static func json(peeked: [StoredMessage]) -> String {
        JSONObject.array(
            peeked.map { stored in
                var object = JSONObject()
                object.add("ordinal", stored.ordinal)
                object.add("state", stored.state.rawValue)
                object.add("receiveCount", stored.receiveCount)
                switch stored.message {
                case .success(let message): add(message, stored.ordinal, to: &object)
                case .failure(let error): object.add("error", error.message)
                }
                return object
            }
        )
    }

    // MARK: - Received

    /// For people: one line a message, with what a table would cut.
    static func lines(received: [ReceivedMessage], withHandles: Bool) -> String {
        received.map { one in
            (withHandles ? one.handle.text + "  " : "") + one.message.body.printable + "\n"
        }.joined()
    }

    /// For programs: one object a line.
    static func json(received: [ReceivedMessage]) -> String {
        received.map { one in
            var object = JSONObject()
            object.add("receiptHandle", one.handle.text)
            object.add("receiveCount", Int(one.entry.receiveCount))
            object.add("firstReceivedAt", WallClock.text(nanoseconds: one.entry.firstReceivedAtNanoseconds))
            add(one.message, one.handle.ordinal, to: &object)
            return object.text + "\n"
        }.joined()
    }

    private static func add(_ message: QueueMessage, _ ordinal: UInt64, to object: inout JSONObject) {
        object.add("messageId", message.id.description)
        object.add("sentAt", WallClock.text(nanoseconds: message.sentAtNanoseconds))
        if let group = message.groupID { object.add("groupId", group.string) }
        if let id = message.deduplicationID {
            object.add("deduplicationId", id.string)
            object.add("sequenceNumber", ordinal)
        }
        if let source = message.deadLetterSource { object.add("deadLetterSource", source.description) }
        if let header = message.traceHeader { object.add("traceHeader", header) }
        if !message.attributes.isEmpty {
            object.add("attributes") { json in
                json.object { json in for attribute in message.attributes { add(attribute, to: &json) } }
            }
        }
        object.add("body", message.body)
    }

    private static func add(_ attribute: MessageAttribute, to json: inout JSONWriter) {
        json.name(attribute.name.string)
        json.object { json in
            json.member("type", attribute.type)
            switch attribute.value {
            case .string(let text): json.member("value", text)
            case .binary(let bytes):
                var encoded: [UInt8] = []
                Base64.append(bytes, to: &encoded)
                json.member("base64", String(decoding: encoded, as: UTF8.self))
            }
        }
    }
}

extension StoredMessage.State {
    /// As tables write it.
    fileprivate var text: String {
        switch self {
        case .visible: "visible"
        case .inFlight: "in flight"
        case .delayed: "delayed"
        }
    }
}

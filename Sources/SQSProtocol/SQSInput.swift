import QueueEngine
package import SluiceCore

/// A request's JSON object, read member by member.
package struct SQSInput {
    private let value: JSONValue

    /// Reads a body.
    /// - Throws: ``SQSError`` when it isn't a JSON object.
    package init(_ body: [UInt8]) throws(SQSError) {
        let text = body.isEmpty ? Array("{}".utf8) : body
        guard let value = try? JSONValue(text), value.kind == .object else {
            throw SQSError("SerializationException", "The body isn't a JSON object.")
        }
        self.value = value
    }

    private init(_ value: JSONValue) { self.value = value }

    /// A text; nil when it isn't there.
    package func text(_ name: ByteString) throws(SQSError) -> String? {
        guard let member = value[name], member.kind != .null else { return nil }
        guard let text = member.string else { throw .invalid("\(name) isn't a string.") }
        guard !SQSInput.hasLoneSurrogate(text, written: Array(member.bytes)) else {
            throw SQSError(
                "InvalidMessageContents",
                "\(name) has half of a character: a surrogate without its other one."
            )
        }
        return text
    }

    /// Whether a text has U+FFFD where none was written: JSON can write half of a character, which UTF-8 can't.
    private static func hasLoneSurrogate(_ text: String, written: [UInt8]) -> Bool {
        guard text.unicodeScalars.contains("\u{FFFD}") else { return false }
        let isWritten = String(decoding: written, as: UTF8.self).unicodeScalars.contains("\u{FFFD}")
        let escapes = written.split(separator: UInt8(ascii: "\\"))
        return !isWritten && !escapes.contains { ByteString(decoding: $0.prefix(5)).lowercasedASCII == "ufffd" }
    }

    /// True or false, also as a text; nil when it isn't there.
    package func flag(_ name: ByteString) throws(SQSError) -> Bool? {
        guard let member = value[name], member.kind != .null else { return nil }
        switch member.boolean ?? ["true": true, "false": false][member.byteString ?? ""] {
        case let flag?: return flag
        case nil: throw .invalid("\(name) is true or false.")
        }
    }

    /// A text that must be there.
    package func requiredText(_ name: ByteString) throws(SQSError) -> String {
        guard let text = try text(name) else { throw .missing(name.string) }
        return text
    }

    /// A whole number within a range; nil when it isn't there.
    package func number(_ name: ByteString, _ range: ClosedRange<Int>) throws(SQSError) -> Int? {
        guard let member = value[name], member.kind != .null else { return nil }
        let text = member.string ?? String(decoding: member.bytes, as: UTF8.self)
        guard let number = Int(text), text.utf8.first != UInt8(ascii: "+"), range.contains(number) else {
            throw .invalid(
                "\(name)=\(text.printable(limit: 40)) isn't a whole number from \(range.lowerBound) to \(range.upperBound)."
            )
        }
        return number
    }

    /// A map of texts; empty when it isn't there.
    package func texts(_ name: ByteString) throws(SQSError) -> [(name: ByteString, value: String)] {
        guard let member = value[name], member.kind != .null else { return [] }
        guard let members = try? member.members(upTo: Limits.jsonMembers) else {
            throw .invalid("\(name) isn't an object, or has too many members.")
        }
        var texts: [(name: ByteString, value: String)] = []
        for one in members {
            guard let text = one.value.string else {
                throw .invalid("\(name).\(one.key.string.printable(limit: 60)) isn't a string.")
            }
            guard !texts.contains(where: { $0.name == one.key }) else { throw .twice(one.key, in: name) }
            texts.append((one.key, text))
        }
        return texts
    }

    /// An array of texts; empty when it isn't there.
    package func list(_ name: ByteString) throws(SQSError) -> [ByteString] {
        guard let member = value[name], member.kind != .null else { return [] }
        guard let elements = member.elements(upTo: 100), elements.count <= 100 else {
            throw .invalid("\(name) isn't an array of up to 100.")
        }
        var list: [ByteString] = []
        for element in elements {
            guard let text = element.byteString else { throw .invalid("\(name) isn't an array of strings.") }
            list.append(text)
        }
        return list
    }

    /// An array of objects; nil when it isn't there.
    package func objects(_ name: ByteString, maximum: Int) throws(SQSError) -> [SQSInput]? {
        guard let member = value[name], member.kind != .null else { return nil }
        guard let elements = member.elements(upTo: maximum) else { throw .invalid("\(name) isn't an array.") }
        guard elements.allSatisfy({ $0.kind == .object }) else { throw .invalid("\(name) isn't an array of objects.") }
        return elements.map { SQSInput($0) }
    }

    /// A map of objects; empty when it isn't there.
    package func objectMap(_ name: ByteString) throws(SQSError) -> [(name: ByteString, value: SQSInput)] {
        guard let member = value[name], member.kind != .null else { return [] }
        guard let members = try? member.members(upTo: Limits.jsonMembers),
            members.allSatisfy({ $0.value.kind == .object })
        else {
            throw .invalid("\(name) isn't an object of objects.")
        }
        var found: [(name: ByteString, value: SQSInput)] = []
        for one in members {
            guard !found.contains(where: { $0.name == one.key }) else { throw .twice(one.key, in: name) }
            found.append((one.key, SQSInput(one.value)))
        }
        return found
    }

    /// A group's, a deduplication's or an attempt's id: 1 to 128 letters, digits and punctuation of ASCII; nil when it isn't there.
    package func token(_ name: ByteString) throws(SQSError) -> ByteString? {
        guard let token = try text(name).map({ ByteString($0) }) else { return nil }
        do throws(MessageDraft.Violation) { try MessageDraft.checkToken(token, name.string) } catch {
            throw SQSError(error)
        }
        return token
    }

    /// The queue that `QueueUrl` names.
    func queue() throws(SQSError) -> QueueID {
        let url = try requiredText("QueueUrl")
        guard let name = ByteString(url).split(separator: "/").last, let queue = try? QueueID(name) else {
            throw SQSError("InvalidAddress", "QueueUrl '\(url.printable(limit: 200))' names no queue.")
        }
        return queue
    }

    /// The receipt handle.
    func handle() throws(SQSError) -> MessageHandle {
        let text = try requiredText("ReceiptHandle")
        guard let handle = MessageHandle(text) else {
            throw SQSError(
                "ReceiptHandleIsInvalid",
                "The receipt handle '\(text.printable(limit: 80))' isn't one of this server's."
            )
        }
        return handle
    }
}

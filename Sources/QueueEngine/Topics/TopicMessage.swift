public import SluiceCore

/// A message that is published to a topic.
public struct TopicMessage: Sendable {
    /// The largest message, bytes of its text and its attributes (API reference, "Publish").
    public static let maximumBytes = 262_144

    /// Its id, which `Publish` answers with.
    public let id: MessageID
    /// What subscribers of each protocol get that has a text of its own (`MessageStructure` json).
    public let texts: [SubscriptionProtocol: String]
    /// What the others get.
    public let text: String
    /// The line that goes with it.
    public let subject: String?
    /// What the publisher set beside it, and filters look at.
    public let attributes: [MessageAttribute]
    /// The group whose messages a FIFO topic keeps in order; nil on a standard topic.
    public let groupID: ByteString?
    /// By what queues know a second publish of it to a FIFO topic; nil on a standard topic.
    public let deduplicationID: ByteString?
    /// When it was published, wall clock, nanoseconds since 1970.
    public let publishedAtNanoseconds: UInt64

    /// Checks a message.
    /// - Throws: ``QueueError``, `invalidMessage` or `tooLong`.
    public init(
        id: MessageID = .random(),
        text: String,
        texts: [SubscriptionProtocol: String] = [:],
        subject: String? = nil,
        attributes: [MessageAttribute] = [],
        groupID: ByteString? = nil,
        deduplicationID: ByteString? = nil,
        publishedAtNanoseconds: UInt64
    ) throws(QueueError) {
        for text in [text] + texts.values {
            guard !text.isEmpty else { throw QueueError(.invalidMessage, "The message is empty.") }
            guard text.unicodeScalars.allSatisfy(MessageDraft.isAllowed) else {
                throw QueueError(
                    .invalidMessage,
                    "The message has control characters other than tab, line feed and carriage return."
                )
            }
        }
        do throws(MessageDraft.Violation) {
            if let groupID { try MessageDraft.checkToken(groupID, "MessageGroupId") }
            if let deduplicationID { try MessageDraft.checkToken(deduplicationID, "MessageDeduplicationId") }
        } catch {
            throw QueueError(
                .invalidMessage,
                "A group's and a deduplication's id are 1 to 128 letters, digits and punctuation marks."
            )
        }
        if let subject { try TopicMessage.check(subject: subject) }
        self.id = id
        self.text = text
        self.texts = texts
        self.subject = subject
        self.attributes = attributes
        self.groupID = groupID
        self.deduplicationID = deduplicationID
        self.publishedAtNanoseconds = publishedAtNanoseconds
        guard byteCount <= TopicMessage.maximumBytes else {
            throw QueueError(
                .tooLong,
                "The message has \(byteCount) bytes with its attributes; the limit is \(TopicMessage.maximumBytes)."
            )
        }
    }

    /// What counts against the limits: the longest of its texts, and names, types and values of the attributes, bytes.
    public var byteCount: Int {
        attributes.reduce(([text] + texts.values).reduce(0) { max($0, $1.utf8.count) }) { $0 + $1.byteCount }
    }

    /// Reads the texts of `MessageStructure` json: an object with `default` and a text for each protocol that gets another.
    /// - Throws: ``QueueError``, `invalidMessage`.
    public static func texts(
        structured text: String
    ) throws(QueueError) -> (text: String, texts: [SubscriptionProtocol: String]) {
        guard let value = try? JSONValue(Array(text.utf8)), let common = value["default"]?.string else {
            throw QueueError(
                .invalidMessage,
                "With MessageStructure json the message is a JSON object whose member default is a text."
            )
        }
        var texts: [SubscriptionProtocol: String] = [:]
        for kind in SubscriptionProtocol.allCases { texts[kind] = value[ByteString(kind.rawValue)]?.string }
        return (common, texts)
    }

    /// What waits in memory until it is stored, bytes.
    var pendingBytes: Int { texts.values.reduce(byteCount + 512) { $0 + $1.utf8.count } }

    /// 1 to 100 characters, no control characters, and none of them a line's end (API reference, "Publish").
    private static func check(subject: String) throws(QueueError) {
        let isValid =
            (1...100).contains(subject.unicodeScalars.count) && subject.utf8.first != UInt8(ascii: " ")
            && !subject.unicodeScalars.contains(where: \.isUnprintable)
        guard isValid else {
            throw QueueError(
                .invalidMessage,
                "Subject has 1 to 100 characters, no line breaks or control characters, and no space in front."
            )
        }
    }

    /// What a subscription gets: its protocol's text.
    public func text(for kind: SubscriptionProtocol) -> String { texts[kind] ?? text }

    /// The message for a subscription's queue, with the envelope that SNS puts around it, or raw.
    ///
    /// `sequence`: its number, on a FIFO topic.
    package func queueMessage(
        for subscription: TopicSubscription,
        delaySeconds: Int = 0,
        sequence: UInt64? = nil
    ) -> QueueMessage {
        // Over HTTP the envelope is taken off or signed when it is sent.
        let isRaw = subscription.attributes.isRaw && !subscription.protocol.isDeliveredOverHTTP
        let text = text(for: subscription.protocol)
        return QueueMessage(
            // A message of a queue has an id of its own (as SQS's messages of SNS have); over HTTP it is this one.
            id: subscription.protocol.isDeliveredOverHTTP ? id : .random(),
            body: isRaw ? text : envelope(text, of: subscription.topic, sequence),
            attributes: isRaw ? attributes : [],
            sentAtNanoseconds: publishedAtNanoseconds,
            visibleAtNanoseconds: publishedAtNanoseconds + UInt64(delaySeconds) * 1_000_000_000,
            groupID: groupID,
            deduplicationID: deduplicationID
        )
    }

    /// The change record for a subscription to a topic of the change log.
    package func draft(
        for subscription: TopicSubscription,
        on topic: Topic,
        acceptedAtNanoseconds: UInt64
    ) -> RecordDraft {
        let text = text(for: .sluice)
        let payload = Array((subscription.attributes.isRaw ? text : envelope(text, of: subscription.topic)).utf8)
        return RecordDraft(
            topic: topic,
            payload: payload,
            contentType: subscription.attributes.isRaw && !JSONText.isValid(payload) ? .text : .json,
            acceptedAtNanoseconds: acceptedAtNanoseconds
        )
    }

    /// A sequence number as SNS writes it: twenty digits.
    package static func text(ofSequence sequence: UInt64) -> String {
        let digits = "\(sequence)"
        return String(repeating: "0", count: max(0, 20 - digits.utf8.count)) + digits
    }

    private func envelope(_ text: String, of topic: TopicName, _ sequence: UInt64? = nil) -> String {
        let bytes = JSONWriter.object { json in
            json.member("Type", "Notification")
            json.member("MessageId", id.description)
            if let sequence { json.member("SequenceNumber", TopicMessage.text(ofSequence: sequence)) }
            json.member("TopicArn", TopicARN.text(of: topic))
            if let subject { json.member("Subject", subject) }
            json.member("Message", text)
            json.member("Timestamp", Timestamp.text(nanoseconds: publishedAtNanoseconds))
            guard !attributes.isEmpty else { return }
            json.name("MessageAttributes")
            json.object { json in
                for attribute in attributes {
                    json.name(attribute.name.string)
                    json.object { json in
                        json.member("Type", attribute.type)
                        switch attribute.value {
                        case .string(let text): json.member("Value", text)
                        case .binary(let bytes):
                            json.name("Value")
                            json.raw { output in
                                output.append(UInt8(ascii: "\""))
                                Base64.append(bytes, to: &output)
                                output.append(UInt8(ascii: "\""))
                            }
                        }
                    }
                }
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What an endpoint is sent that must confirm a subscription; the address for it is added when it is sent.
    package static func confirmation(
        of subscription: TopicSubscription,
        token: String,
        nowNanoseconds now: UInt64
    ) -> QueueMessage {
        let id = MessageID.random()
        let text = """
            You have chosen to subscribe to the topic \(TopicARN.text(of: subscription.topic)).
            To confirm the subscription, visit the SubscribeURL included in this message.
            """
        let body = JSONWriter.object { json in
            json.member("Type", "SubscriptionConfirmation")
            json.member("MessageId", id.description)
            json.member("Token", token)
            json.member("TopicArn", TopicARN.text(of: subscription.topic))
            json.member("Message", text)
            json.member("Timestamp", Timestamp.text(nanoseconds: now))
        }
        return QueueMessage(
            id: id,
            body: String(decoding: body, as: UTF8.self),
            sentAtNanoseconds: now,
            visibleAtNanoseconds: now
        )
    }
}

/// A moment as SNS writes it: `2012-03-29T05:12:16.901Z` (RFC 3339).
package enum Timestamp {
    /// The text of a moment of the wall clock, nanoseconds since 1970.
    package static func text(nanoseconds: UInt64) -> String {
        let milliseconds = nanoseconds / 1_000_000
        let (days, rest) = (Int(milliseconds / 86_400_000), Int(milliseconds % 86_400_000))
        // Counted in years that begin in March, so that the leap day is the last one.
        let shifted = days + 719_468
        let (era, dayOfEra) = (shifted / 146_097, shifted % 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let date = "\(digits(year, 4))-\(digits(month, 2))-\(digits(day, 2))"
        let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60)
        return "\(date)T\(digits(hour, 2)):\(digits(minute, 2)):\(digits(second, 2)).\(digits(rest % 1_000, 3))Z"
    }

    private static func digits(_ number: Int, _ count: Int) -> String {
        let text = "\(number)"
        return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
    }
}

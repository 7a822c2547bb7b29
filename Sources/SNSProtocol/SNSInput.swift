import QueueEngine
import SQSProtocol
import SluiceCore

/// A request's JSON object, read member by member, with SNS's errors.
struct SNSInput {
    let input: SQSInput

    init(_ input: SQSInput) { self.input = input }

    /// A text; nil when it isn't there.
    func text(_ name: ByteString) throws(SNSError) -> String? {
        try reading { input throws(SQSError) in try input.text(name) }
    }

    /// A text that must be there.
    func requiredText(_ name: ByteString) throws(SNSError) -> String {
        try reading { input throws(SQSError) in try input.requiredText(name) }
    }

    /// A map of texts; empty when it isn't there.
    func texts(_ name: ByteString) throws(SNSError) -> [(name: ByteString, value: String)] {
        try reading { input throws(SQSError) in try input.texts(name) }
    }

    /// The topic that `TopicArn`, or another member, names.
    func topic(_ name: ByteString = "TopicArn") throws(SNSError) -> TopicName {
        let arn = try requiredText(name)
        do throws(QueueError) { return try TopicARN.topic(of: arn) } catch { throw SNSError(error) }
    }

    /// The subscription that `SubscriptionArn` names.
    func subscription() throws(SNSError) -> (topic: TopicName, id: MessageID) {
        let arn = try requiredText("SubscriptionArn")
        do throws(QueueError) { return try TopicARN.subscription(of: arn) } catch { throw SNSError(error) }
    }

    /// Whether a flag is set; false when it isn't there.
    func flag(_ name: ByteString) throws(SNSError) -> Bool {
        try reading { input throws(SQSError) in try input.flag(name) ?? false }
    }

    /// The group and the deduplication id of a message; neither on a standard topic.
    private func order(in topic: MessageTopic, _ text: String) throws(SNSError) -> (group: ByteString, id: ByteString)?
    {
        let (group, id) = try reading { input throws(SQSError) in
            (try input.token("MessageGroupId"), try input.token("MessageDeduplicationId"))
        }
        guard topic.attributes.isFIFO else {
            guard group == nil, id == nil else {
                throw .invalid(
                    "MessageGroupId and MessageDeduplicationId are for FIFO topics, and this is a standard topic."
                )
            }
            return nil
        }
        guard let group else { throw .invalid("A message of a FIFO topic has a MessageGroupId.") }
        if let id { return (group, id) }
        guard topic.attributes.isContentBased else {
            throw .invalid("The topic has no ContentBasedDeduplication: each message has a MessageDeduplicationId.")
        }
        return (group, MessageDraft.contentID(of: text))
    }

    /// The message of a publish, or of one entry of a batch.
    func message(in topic: MessageTopic) throws(SNSError) -> TopicMessage {
        var text = try requiredText("Message")
        guard text.unicodeScalars.allSatisfy(MessageDraft.isAllowed) else {
            throw .invalid("Message has control characters other than tab, line feed and carriage return.")
        }
        let attributes = try reading { input throws(SQSError) in
            let found = try SQSHandler.messageAttributes(input)
            do throws(MessageDraft.Violation) {
                try MessageDraft.check(found, maximum: SNSHandler.maximumAttributes)
            } catch {
                throw SQSError(error)
            }
            return found
        }
        let order = try order(in: topic, text)
        let (structure, subject) = (try self.text("MessageStructure"), try self.text("Subject"))
        var texts: [SubscriptionProtocol: String] = [:]
        do throws(QueueError) {
            if let structure {
                guard ByteString(structure) == "json" else {
                    throw QueueError(.invalidMessage, "MessageStructure is json, or isn't there.")
                }
                (text, texts) = try TopicMessage.texts(structured: text)
            }
            return try TopicMessage(
                text: text,
                texts: texts,
                subject: subject,
                attributes: attributes,
                groupID: order?.group,
                deduplicationID: order?.id,
                publishedAtNanoseconds: StageClock.wallNanoseconds()
            )
        } catch {
            throw SNSError(error)
        }
    }

    /// The entries of a batch, with their ids.
    func entries() throws(SNSError) -> [(id: String, input: SNSInput)] {
        let objects = try reading { input throws(SQSError) in
            try input.objects("PublishBatchRequestEntries", maximum: 10)
        }
        guard let objects, !objects.isEmpty else { throw SNSError("EmptyBatchRequest", "The batch has no entries.") }
        guard objects.count <= 10 else {
            throw SNSError("TooManyEntriesInBatchRequest", "A batch has at most 10 entries.")
        }
        var entries: [(id: String, input: SNSInput)] = []
        for object in objects {
            let entry = SNSInput(object)
            let id = try entry.requiredText("Id")
            let isValid =
                (1...80).contains(id.utf8.count)
                && id.utf8.allSatisfy { QueueID.isNameByte($0) && $0 != UInt8(ascii: ".") }
            guard isValid else {
                throw SNSError("InvalidBatchEntryId", "An entry's Id has 1 to 80 letters, digits, '-' and '_'.")
            }
            guard !entries.contains(where: { ByteString($0.id) == ByteString(id) }) else {
                throw SNSError("BatchEntryIdsNotDistinct", "The Id \(id) stands there twice.")
            }
            entries.append((id, entry))
        }
        return entries
    }

    private func reading<Value>(_ body: (SQSInput) throws(SQSError) -> Value) throws(SNSError) -> Value {
        do throws(SQSError) { return try body(input) } catch { throw SNSError(error) }
    }
}

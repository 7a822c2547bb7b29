import QueueEngine
import Queues
import SluiceCore

/// The actions on queues.
extension SQSHandler {
    func createQueue(_ input: SQSInput, _ base: String) async throws(SQSError) -> [UInt8] {
        let name = try input.requiredText("QueueName")
        guard let id = QueueID.messageQueue(named: name) else {
            throw .invalid(
                "QueueName '\(name.printable(limit: 90))' isn't 1 to 80 letters, digits, '-' and '_', a FIFO queue's with .fifo at its end."
            )
        }
        let values = try input.texts("Attributes")
        let tags = try input.texts("tags").map { QueueTag(key: $0.name, value: $0.value) }
        _ = try await awaiting { () async throws(QueueError) in try await service.create(id, values, tags: tags) }
        return JSONWriter.object { $0.member("QueueUrl", SQSHandler.url(id, base)) }
    }

    func queueURL(_ input: SQSInput, _ base: String) throws(SQSError) -> [UInt8] {
        let name = try input.requiredText("QueueName")
        guard let id = try? QueueID(ByteString(name)) else {
            throw SQSError(QueueError(.noSuchQueue, "There is no queue '\(name.printable(limit: 90))'."))
        }
        _ = try asking { () throws(QueueError) in try service.queue(id) }
        return JSONWriter.object { $0.member("QueueUrl", SQSHandler.url(id, base)) }
    }

    func listQueues(_ input: SQSInput, _ base: String) throws(SQSError) -> [UInt8] {
        let prefix = ByteString(try input.text("QueueNamePrefix") ?? "")
        let asked = try input.number("MaxResults", 1...1_000)
        let page = try page(input, asked) { after, maximum throws(QueueError) in
            try service.queues(after: after, prefix: prefix, maximum: maximum)
        }
        return JSONWriter.object { json in
            json.name("QueueUrls")
            json.array { json in for queue in page.queues { json.value(SQSHandler.url(queue.id, base)) } }
            if let next = page.next { json.member("NextToken", next) }
        }
    }

    func deadLetterSources(_ input: SQSInput, _ base: String) throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        let asked = try input.number("MaxResults", 1...1_000)
        let page = try page(input, asked) { after, maximum throws(QueueError) in
            let all = try service.deadLetterSources(of: id)
            return Array(all.drop { queue in after.map { queue.id <= $0 } ?? false }.prefix(maximum))
        }
        return JSONWriter.object { json in
            json.name("queueUrls")
            json.array { json in for queue in page.queues { json.value(SQSHandler.url(queue.id, base)) } }
            if let next = page.next { json.member("NextToken", next) }
        }
    }

    /// A page of queues; a token is the name of the last queue of the page before.
    private func page(
        _ input: SQSInput,
        _ asked: Int?,
        _ list: (_ after: QueueID?, _ maximum: Int) throws(QueueError) -> [MessageQueue]
    ) throws(SQSError) -> (queues: [MessageQueue], next: String?) {
        let token = try input.text("NextToken")
        let after = token.flatMap { try? QueueID(ByteString($0)) }
        if let token, after == nil {
            throw .invalid("NextToken '\(token.printable(limit: 90))' isn't one of this server's.")
        }
        let maximum = asked ?? 1_000
        let found = try asking { () throws(QueueError) in try list(after, maximum + 1) }
        let queues = Array(found.prefix(maximum))
        return (queues, asked != nil && found.count > maximum ? queues.last?.id.description : nil)
    }

    func deleteQueue(_ input: SQSInput) async throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        try await awaiting { () async throws(QueueError) in try await service.delete(id) }
        return SQSHandler.empty
    }

    func purgeQueue(_ input: SQSInput) async throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        try await awaiting { () async throws(QueueError) in try await service.purge(id) }
        return SQSHandler.empty
    }

    func attributes(_ input: SQSInput) throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        let names = try input.list("AttributeNames")
        let (queue, figures) = try asking { () throws(QueueError) in
            let queue = try service.queue(id)
            return (queue, try service.figures(of: queue))
        }
        var values: [(name: String, value: String)] = [
            ("ApproximateNumberOfMessages", "\(figures.visible)"),
            ("ApproximateNumberOfMessagesDelayed", "\(figures.delayed)"),
            ("ApproximateNumberOfMessagesNotVisible", "\(figures.inFlight)"),
            ("CreatedTimestamp", SQSHandler.seconds(queue.createdAtNanoseconds)),
            ("LastModifiedTimestamp", SQSHandler.seconds(queue.modifiedAtNanoseconds)),
            ("QueueArn", QueueARN.text(of: id)),
        ]
        values += queue.attributes.values
        for name in names where name != "All" && !values.contains(where: { ByteString($0.name) == name }) {
            let known: Set<ByteString> = [
                "Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds",
                "SqsManagedSseEnabled",
                "FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit",
            ]
            guard known.contains(name) else {
                throw SQSError(
                    QueueError(.unknownAttribute, "There is no queue attribute \(name.string.printable(limit: 60)).")
                )
            }
        }
        let asked = names.contains("All") ? values : values.filter { names.contains(ByteString($0.name)) }
        return JSONWriter.object { json in
            guard !asked.isEmpty else { return }
            json.name("Attributes")
            json.object { json in for (name, value) in asked { json.member(name, value) } }
        }
    }

    func setAttributes(_ input: SQSInput) async throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        let values = try input.texts("Attributes")
        guard !values.isEmpty else { throw .missing("Attributes") }
        try await awaiting { () async throws(QueueError) in try await service.set(values, of: id) }
        return SQSHandler.empty
    }

    func tag(_ input: SQSInput) async throws(SQSError) -> [UInt8] {
        let (id, tags) = (try input.queue(), try input.texts("Tags").map { QueueTag(key: $0.name, value: $0.value) })
        guard !tags.isEmpty else { throw .missing("Tags") }
        try await awaiting { () async throws(QueueError) in try await service.tag(id, with: tags, without: []) }
        return SQSHandler.empty
    }

    func untag(_ input: SQSInput) async throws(SQSError) -> [UInt8] {
        let (id, keys) = (try input.queue(), try input.list("TagKeys"))
        guard !keys.isEmpty else { throw .missing("TagKeys") }
        try await awaiting { () async throws(QueueError) in try await service.tag(id, with: [], without: keys) }
        return SQSHandler.empty
    }

    /// Taken and without effect, as the attribute Policy: nobody is asked who it is.
    func addPermission(_ input: SQSInput) throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        _ = try asking { () throws(QueueError) in try service.queue(id) }
        _ = try label(input)
        for name in ["AWSAccountIds", "Actions"] as [ByteString] where try input.list(name).isEmpty {
            throw .missing(name.string)
        }
        return SQSHandler.empty
    }

    func removePermission(_ input: SQSInput) throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        _ = try asking { () throws(QueueError) in try service.queue(id) }
        _ = try label(input)
        return SQSHandler.empty
    }

    private func label(_ input: SQSInput) throws(SQSError) -> String {
        let label = try input.requiredText("Label")
        guard (1...80).contains(label.utf8.count), label.utf8.allSatisfy({ QueueID.isNameByte($0) }) else {
            throw .invalid("Label '\(label.printable(limit: 90))' isn't 1 to 80 letters, digits, '-' and '_'.")
        }
        return label
    }

    func tags(_ input: SQSInput) throws(SQSError) -> [UInt8] {
        let id = try input.queue()
        let queue = try asking { () throws(QueueError) in try service.queue(id) }
        return JSONWriter.object { json in
            guard !queue.tags.isEmpty else { return }
            json.name("Tags")
            json.object { json in for tag in queue.tags { json.member(tag.key.string, tag.value) } }
        }
    }
}

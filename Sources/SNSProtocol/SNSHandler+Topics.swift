import QueueEngine
import Queues
import SluiceCore

/// The actions on topics, and publishing.
extension SNSHandler {
    func createTopic(_ input: SNSInput) async throws(SNSError) -> [UInt8] {
        let name = try input.requiredText("Name")
        let values = try input.texts("Attributes")
        do throws(SNSError) {
            let topic = try await awaiting { () async throws(QueueError) in
                try await service.create(try TopicName(ByteString(name)), values)
            }
            return JSONWriter.object { $0.member("TopicArn", topic.arn) }
        } catch {
            throw error.named("TopicLimitExceeded", insteadOf: "LimitExceeded")
        }
    }

    func deleteTopic(_ input: SNSInput) async throws(SNSError) -> [UInt8] {
        let name = try input.topic()
        try await awaiting { () async throws(QueueError) in try await service.delete(name) }
        return SNSHandler.empty
    }

    func listTopics(_ input: SNSInput) throws(SNSError) -> [UInt8] {
        let token = try input.text("NextToken")
        let found = try asking { () throws(QueueError) in
            let after = try token.map { text throws(QueueError) in try TopicName(ByteString(text)) }
            return try service.topics(after: after, maximum: SNSHandler.pageLength + 1)
        }
        return JSONWriter.object { json in
            json.name("Topics")
            json.array { json in
                for topic in found.prefix(SNSHandler.pageLength) { json.object { $0.member("TopicArn", topic.arn) } }
            }
            if found.count > SNSHandler.pageLength {
                json.member("NextToken", found[SNSHandler.pageLength - 1].name.description)
            }
        }
    }

    func topicAttributes(_ input: SNSInput) throws(SNSError) -> [UInt8] {
        let name = try input.topic()
        let topic = try asking { () throws(QueueError) in try service.topic(name) }
        return JSONWriter.object { json in
            json.name("Attributes")
            json.object { json in
                json.member("TopicArn", topic.arn)
                json.member("Owner", QueueARN.account)
                json.member("DisplayName", topic.attributes.displayName)
                json.member("SubscriptionsConfirmed", "\(topic.confirmed)")
                json.member("SubscriptionsPending", "\(topic.pending)")
                json.member("SubscriptionsDeleted", "\(topic.deleted)")
                json.member("SignatureVersion", "2")
                if topic.attributes.isFIFO {
                    json.member("FifoTopic", "true")
                    json.member("ContentBasedDeduplication", "\(topic.attributes.isContentBased)")
                }
                if let policy = topic.attributes.deliveryPolicyJSON { json.member("DeliveryPolicy", policy) }
            }
        }
    }

    func setTopicAttributes(_ input: SNSInput) async throws(SNSError) -> [UInt8] {
        let name = try input.topic()
        let attribute = ByteString(try input.requiredText("AttributeName"))
        let value = try input.text("AttributeValue") ?? ""
        _ = try await awaiting { () async throws(QueueError) in try await service.set([(attribute, value)], of: name) }
        return SNSHandler.empty
    }

    // MARK: - Publishing

    func publish(_ input: SNSInput) async throws(SNSError) -> [UInt8] {
        for name in ["TargetArn", "PhoneNumber"] as [ByteString] where try input.text("TopicArn") == nil {
            guard try input.text(name) == nil else { throw .invalid("\(name) isn't offered: publish to a TopicArn.") }
        }
        let name = try input.topic()
        let topic = try asking { () throws(QueueError) in try service.topic(name) }
        let message = try input.message(in: topic)
        let published = try await awaiting { () async throws(QueueError) in
            try await service.publish([message], to: name)
        }
        return JSONWriter.object { SNSHandler.write(message, published, 0, &$0) }
    }

    private static func write(
        _ message: TopicMessage,
        _ published: TopicPublication,
        _ offset: Int,
        _ json: inout JSONWriter
    ) {
        json.member("MessageId", message.id.description)
        guard let first = published.firstSequence else { return }
        json.member("SequenceNumber", TopicMessage.text(ofSequence: first + UInt64(offset)))
    }

    func publishBatch(_ input: SNSInput) async throws(SNSError) -> [UInt8] {
        let name = try input.topic()
        let topic = try asking { () throws(QueueError) in try service.topic(name) }
        var messages: [(id: String, message: TopicMessage)] = []
        var failed: [(id: String, error: SNSError)] = []
        for (id, entry) in try input.entries() {
            do throws(SNSError) { messages.append((id, try entry.message(in: topic))) } catch {
                failed.append((id, error))
            }
        }
        let all = messages.map(\.message)
        let bytes = all.reduce(0) { $0 + $1.byteCount }
        guard bytes <= TopicMessage.maximumBytes else {
            throw SNSError(
                "BatchRequestTooLong",
                "The batch's messages have \(bytes) bytes together; the limit is \(TopicMessage.maximumBytes)."
            )
        }
        var published = TopicPublication()
        if !all.isEmpty {
            published = try await awaiting { () async throws(QueueError) in try await service.publish(all, to: name) }
        }
        return JSONWriter.object { json in
            json.name("Successful")
            json.array { json in
                for (offset, (id, message)) in messages.enumerated() {
                    json.object { json in
                        json.member("Id", id)
                        SNSHandler.write(message, published, offset, &json)
                    }
                }
            }
            json.name("Failed")
            json.array { json in
                for (id, error) in failed {
                    json.object { json in
                        json.member("Id", id)
                        json.member("Code", error.code)
                        json.member("Message", error.message)
                        json.member("SenderFault", !error.isServerFault)
                    }
                }
            }
        }
    }
}

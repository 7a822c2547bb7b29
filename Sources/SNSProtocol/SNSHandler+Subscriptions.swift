import QueueEngine
import Queues
import SluiceCore

/// The actions on subscriptions.
extension SNSHandler {
    func subscribe(_ input: SNSInput) async throws(SNSError) -> [UInt8] {
        let name = try input.topic()
        let text = try input.requiredText("Protocol")
        guard let kind = SubscriptionProtocol(rawValue: text) else {
            let known = SubscriptionProtocol.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalid("Protocol '\(text.printable(limit: 40))' isn't offered: it is one of \(known).")
        }
        let endpoint = try input.requiredText("Endpoint")
        let values = try input.texts("Attributes")
        let returnsARN = try input.flag("ReturnSubscriptionArn")
        try check(endpoint, of: kind)
        do throws(SNSError) {
            let made = try await awaiting { () async throws(QueueError) in
                try await service.subscribe(to: name, kind, endpoint: endpoint, values)
            }
            let isShown = returnsARN || made.state == .confirmed
            return JSONWriter.object { $0.member("SubscriptionArn", isShown ? made.arn : "pending confirmation") }
        } catch {
            throw error.named("SubscriptionLimitExceeded", insteadOf: "LimitExceeded")
        }
    }

    func confirm(_ input: SNSInput) async throws(SNSError) -> [UInt8] {
        let (arn, token) = (try input.requiredText("TopicArn"), try input.requiredText("Token"))
        let confirmed = try await confirm(topicARN: arn, token: token)
        return JSONWriter.object { $0.member("SubscriptionArn", confirmed.arn) }
    }

    func unsubscribe(_ input: SNSInput) async throws(SNSError) -> [UInt8] {
        let (topic, id) = try input.subscription()
        try await awaiting { () async throws(QueueError) in try await service.unsubscribe(id, from: topic) }
        return SNSHandler.empty
    }

    func listSubscriptions(_ input: SNSInput) throws(SNSError) -> [UInt8] {
        let token = try input.text("NextToken")
        let found = try asking { () throws(QueueError) in
            let after = try token.map { text throws(QueueError) in try TopicARN.subscription(of: text) }
            return try service.subscriptions(after: after, maximum: SNSHandler.pageLength + 1)
        }
        return page(found)
    }

    func listSubscriptionsByTopic(_ input: SNSInput) throws(SNSError) -> [UInt8] {
        let name = try input.topic()
        let token = try input.text("NextToken")
        let found = try asking { () throws(QueueError) in
            let after = try token.map { text throws(QueueError) in try TopicARN.subscription(of: text).id }
            return try service.subscriptions(of: name, after: after, maximum: SNSHandler.pageLength + 1)
        }
        return page(found)
    }

    private func page(_ found: [TopicSubscription]) -> [UInt8] {
        JSONWriter.object { json in
            json.name("Subscriptions")
            json.array { json in
                for subscription in found.prefix(SNSHandler.pageLength) {
                    json.object { json in
                        let isConfirmed = subscription.state == .confirmed
                        json.member("SubscriptionArn", isConfirmed ? subscription.arn : "PendingConfirmation")
                        json.member("Owner", QueueARN.account)
                        json.member("Protocol", subscription.protocol.rawValue)
                        json.member("Endpoint", subscription.endpoint)
                        json.member("TopicArn", TopicARN.text(of: subscription.topic))
                    }
                }
            }
            if found.count > SNSHandler.pageLength { json.member("NextToken", found[SNSHandler.pageLength - 1].arn) }
        }
    }

    func subscriptionAttributes(_ input: SNSInput) throws(SNSError) -> [UInt8] {
        let (topic, id) = try input.subscription()
        let subscription = try asking { () throws(QueueError) in try service.subscription(id, of: topic) }
        return JSONWriter.object { json in
            json.name("Attributes")
            json.object { json in
                json.member("SubscriptionArn", subscription.arn)
                json.member("TopicArn", TopicARN.text(of: topic))
                json.member("Owner", QueueARN.account)
                json.member("Protocol", subscription.protocol.rawValue)
                json.member("Endpoint", subscription.endpoint)
                json.member("PendingConfirmation", subscription.state == .confirmed ? "false" : "true")
                json.member("ConfirmationWasAuthenticated", "false")
                for (name, value) in subscription.attributes.values { json.member(name, value) }
            }
        }
    }

    func setSubscriptionAttributes(_ input: SNSInput) async throws(SNSError) -> [UInt8] {
        let (topic, id) = try input.subscription()
        let attribute = ByteString(try input.requiredText("AttributeName"))
        let value = try input.text("AttributeValue") ?? ""
        _ = try await awaiting { () async throws(QueueError) in
            try await service.set([(attribute, value)], of: id, in: topic)
        }
        return SNSHandler.empty
    }
}

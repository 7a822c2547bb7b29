import QueueEngine
import Queues
import SluiceCore

/// What an HTTP endpoint is sent of a message: SNS's fields and body (developer guide, "Parsing Amazon SNS message formats").
struct HTTPNotification: Sendable {
    /// The fields of the request's head.
    let fields: [(name: String, value: String)]
    /// Its body.
    let body: [UInt8]

    /// The paths that endpoints visit.
    static let path = "/sns"
    static let certificatePath = "/sns/certificate.pem"

    /// Makes the request of a stored message.
    ///
    /// `base`: scheme and host of this gateway, as endpoints reach it.
    /// - Throws: when the message isn't one, or can't be signed.
    init(
        _ message: QueueMessage,
        for subscription: TopicSubscription,
        signer: NotificationSigner,
        base: String
    ) throws {
        guard let stored = StoredNotification(message.body) else {
            throw QueueError(.storage, "A message of \(subscription.arn) isn't a notification.")
        }
        var fields = [
            ("x-amz-sns-message-type", stored.type),
            ("x-amz-sns-message-id", stored.id),
            ("x-amz-sns-topic-arn", stored.topicARN),
            ("Content-Type", "text/plain; charset=UTF-8"),
            ("User-Agent", "Amazon Simple Notification Service Agent"),
        ]
        if stored.token == nil { fields.append(("x-amz-sns-subscription-arn", subscription.arn)) }
        if subscription.attributes.isRaw, stored.token == nil {
            fields.append(("x-amz-sns-rawdelivery", "true"))
            body = Array(stored.text.utf8)
        } else {
            body = try HTTPNotification.envelope(stored, subscription, signer, base)
        }
        self.fields = fields.map { (name: $0.0, value: $0.1) }
    }

    private static func envelope(
        _ stored: StoredNotification,
        _ subscription: TopicSubscription,
        _ signer: NotificationSigner,
        _ base: String
    ) throws -> [UInt8] {
        let subscribeURL = stored.token.map { token in
            "\(base)\(path)?Action=ConfirmSubscription&TopicArn=\(stored.topicARN)&Token=\(token)"
        }
        let signature = try signer.signature(of: stored.canonical(subscribeURL: subscribeURL))
        return JSONWriter.object { json in
            json.member("Type", stored.type)
            json.member("MessageId", stored.id)
            if let token = stored.token { json.member("Token", token) }
            json.member("TopicArn", stored.topicARN)
            if let subject = stored.subject { json.member("Subject", subject) }
            json.member("Message", stored.text)
            if let subscribeURL { json.member("SubscribeURL", subscribeURL) }
            json.member("Timestamp", stored.timestamp)
            json.member("SignatureVersion", "2")
            json.member("Signature", signature)
            json.member("SigningCertURL", base + certificatePath)
            if stored.token == nil {
                json.member("UnsubscribeURL", "\(base)\(path)?Action=Unsubscribe&SubscriptionArn=\(subscription.arn)")
            }
            if let attributes = stored.attributes {
                json.name("MessageAttributes")
                json.raw(attributes.bytes)
            }
        }
    }
}

/// A notification as it waits in a subscription's queue: the envelope without what is made when it is sent.
struct StoredNotification {
    let type: String
    let id: String
    let topicARN: String
    let subject: String?
    let text: String
    let timestamp: String
    /// Of a confirmation.
    let token: String?
    let attributes: JSONValue?

    /// Reads a message's body; nil when it isn't one.
    init?(_ body: String) {
        guard let value = try? JSONValue(Array(body.utf8)), let type = value["Type"]?.string,
            let id = value["MessageId"]?.string, let topicARN = value["TopicArn"]?.string,
            let text = value["Message"]?.string, let timestamp = value["Timestamp"]?.string
        else { return nil }
        (self.type, self.id, self.topicARN, self.text, self.timestamp) = (type, id, topicARN, text, timestamp)
        subject = value["Subject"]?.string
        token = value["Token"]?.string
        attributes = value["MessageAttributes"]
    }

    /// What is signed: names and values in the order of the names, each in a line of its own.
    func canonical(subscribeURL: String?) -> String {
        let parts: [(name: String, value: String?)] = [
            ("Message", text), ("MessageId", id), ("Subject", subject), ("SubscribeURL", subscribeURL),
            ("Timestamp", timestamp), ("Token", token), ("TopicArn", topicARN), ("Type", type),
        ]
        return parts.map { name, value in value.map { "\(name)\n\($0)\n" } ?? "" }.joined()
    }
}

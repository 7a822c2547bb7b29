public import SluiceCore

/// Where a subscription's messages go; the raw value is what SNS's `Protocol` has.
public enum SubscriptionProtocol: String, Hashable, Sendable, CaseIterable {
    /// A message queue.
    case sqs
    /// An HTTP endpoint that confirms the subscription first.
    case http
    /// The same with TLS.
    case https
    /// A topic of the change log: a publish becomes a change record, which clients of the gateways get.
    case sluice

    /// Whether deliveries are requests of a gateway, from a queue of the subscription's own.
    public var isDeliveredOverHTTP: Bool { self == .http || self == .https }
}

/// A subscription of a message topic.
public struct TopicSubscription: Sendable {
    /// Whether it gets messages.
    public enum State: Hashable, Sendable {
        /// Not before the endpoint has sent its token.
        case pendingConfirmation
        /// It does.
        case confirmed
    }

    /// Its name.
    public let id: MessageID
    /// The topic.
    public let topic: TopicName
    /// The kind of endpoint.
    public let `protocol`: SubscriptionProtocol
    /// The endpoint as it was named: the ARN of a queue, a URL, a topic of the change log.
    public let endpoint: String
    /// Which messages it takes, and how.
    public var attributes: Attributes
    /// Whether it gets messages.
    public var state: State
    /// The number of its own queue, for deliveries over HTTP.
    package var queueNumber: UInt32?
    /// When it was made, wall clock, nanoseconds since 1970.
    public let createdAtNanoseconds: UInt64

    package init(
        id: MessageID = .random(),
        topic: TopicName,
        protocol: SubscriptionProtocol,
        endpoint: String,
        attributes: Attributes,
        state: State,
        queueNumber: UInt32? = nil,
        createdAtNanoseconds: UInt64
    ) {
        self.id = id
        self.topic = topic
        self.protocol = `protocol`
        self.endpoint = endpoint
        self.attributes = attributes
        self.state = state
        self.queueNumber = queueNumber
        self.createdAtNanoseconds = createdAtNanoseconds
    }

    /// Its ARN.
    public var arn: String { TopicARN.text(of: topic, id) }

    /// The token that confirms it, kept afterwards so that the address for it may be visited twice; nil for one that needed none.
    package var token: ByteString?

    /// The queue that holds its messages until they are delivered over HTTP.
    package var queueID: QueueID { TopicSubscription.queueID(of: id) }

    /// The same as the catalogue has it, as far as storing messages goes by it; nil for what isn't delivered over HTTP.
    package var ownQueue: MessageQueue? {
        queueNumber.map { number in
            MessageQueue(
                id: queueID,
                number: number,
                attributes: MessageQueueAttributes(),
                tags: [],
                createdAtNanoseconds: createdAtNanoseconds,
                modifiedAtNanoseconds: createdAtNanoseconds
            )
        }
    }

    /// Before the ids of subscriptions in the names of their queues.
    private static let queuePrefix: ByteString = "sns."

    /// The queue of a subscription's own.
    package static func queueID(of id: MessageID) -> QueueID { QueueID(alreadyChecked: "\(queuePrefix)\(id)") }

    /// Whether a queue is a subscription's own, which no one makes or deletes by its name.
    package static func owns(_ queue: QueueID) -> Bool {
        queue.name.hasPrefix(queuePrefix)
            && MessageID(ByteString(decoding: queue.name.utf8.dropFirst(queuePrefix.count))) != nil
    }

    /// The queue or the topic of the change log that it is for; nil for HTTP, and for an endpoint that names none.
    package var target: Target? {
        switch `protocol` {
        case .sqs: TopicSubscription.queue(of: endpoint).map { .queue($0) }
        case .sluice: (try? Topic(endpoint)).map { .records($0) }
        case .http, .https: nil
        }
    }

    /// What in the log a subscription is for.
    package enum Target: Hashable, Sendable {
        case queue(QueueID)
        case records(Topic)
    }

    /// Whether a queue is a FIFO queue, by its name.
    private static func isFIFO(_ queue: QueueID) -> Bool {
        queue.name.utf8.suffix(FIFOAttributes.nameSuffix.count).elementsEqual(FIFOAttributes.nameSuffix.utf8)
    }

    /// - Throws: ``QueueError``, `invalidAttribute`, when dead letters would go to a queue of another kind than the topic's.
    package static func check(_ attributes: Attributes, in topic: TopicName) throws(QueueError) {
        guard let queue = attributes.deadLetterQueue, isFIFO(queue) != topic.isFIFO else { return }
        throw QueueError(
            .invalidAttribute,
            "RedrivePolicy names \(queue), and the topic is \(topic.isFIFO ? "FIFO" : "standard"): name a queue of its kind."
        )
    }

    private static func queue(of endpoint: String) -> QueueID? {
        QueueARN.queue(of: endpoint) ?? (try? QueueID(ByteString(endpoint)))
    }

    /// Checks an endpoint.
    /// - Throws: ``QueueError``, `invalidAttribute`, when it isn't one of its protocol.
    package static func check(
        _ endpoint: String,
        of kind: SubscriptionProtocol,
        in topic: TopicName
    ) throws(QueueError) {
        let shown = endpoint.printable(limit: 120)
        switch kind {
        case .sqs:
            guard let queue = queue(of: endpoint), !owns(queue), isFIFO(queue) == topic.isFIFO else {
                throw QueueError(
                    .invalidAttribute,
                    "The endpoint '\(shown)' is neither the ARN nor the name of a queue of the topic's kind, \(topic.isFIFO ? "FIFO" : "standard")."
                )
            }
        case .sluice, .http, .https:
            guard !topic.isFIFO else {
                throw QueueError(.invalidAttribute, "Subscriptions of the FIFO topic \(topic) have the protocol sqs.")
            }
        }
        switch kind {
        case .sqs: break
        case .sluice:
            do throws(TopicError) { _ = try Topic(endpoint) } catch {
                throw QueueError(.invalidAttribute, "The endpoint names no topic of the change log: \(error.message)")
            }
        case .http, .https:
            let isPrintable = endpoint.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            let begins = endpoint.utf8.starts(with: "\(kind.rawValue)://".utf8)
            guard begins, isPrintable, endpoint.utf8.count <= 2_048, WebAddress.hasValidPort(endpoint) else {
                throw QueueError(
                    .invalidAttribute,
                    "The endpoint '\(shown)' isn't a URL of at most 2048 ASCII characters that begins with \(kind.rawValue)://."
                )
            }
        }
    }

    /// The entry as JSON, as it is stored.
    package var json: [UInt8] {
        JSONWriter.object { json in
            json.member("protocol", `protocol`.rawValue)
            json.member("endpoint", endpoint)
            json.member("created", createdAtNanoseconds)
            json.member("isConfirmed", state == .confirmed)
            if let token { json.member("token", token.string) }
            if let queueNumber { json.member("queue", queueNumber) }
            json.name("attributes")
            json.object { json in for (name, value) in attributes.values { json.member(name, value) } }
        }
    }

    /// Reads a stored entry; nil when it isn't one.
    package init?(_ id: MessageID, of topic: TopicName, json: [UInt8]) {
        guard let value = try? JSONValue(json), let endpoint = value["endpoint"]?.string,
            let kind = value["protocol"]?.string.flatMap(SubscriptionProtocol.init),
            let created = value["created"]?.unsignedInteger
        else { return nil }
        var attributes = Attributes()
        let stored = value["attributes"]?.members ?? []
        guard (try? attributes.set(stored.map { ($0.key, $0.value.string ?? "") }, of: kind)) != nil else { return nil }
        self.init(
            id: id,
            topic: topic,
            protocol: kind,
            endpoint: endpoint,
            attributes: attributes,
            state: value["isConfirmed"]?.boolean == true ? .confirmed : .pendingConfirmation,
            queueNumber: value["queue"]?.unsignedInteger.flatMap { UInt32(exactly: $0) },
            createdAtNanoseconds: created
        )
        token = value["token"]?.byteString
    }
}

extension TopicSubscription {
    /// The attributes of a subscription that can be set (API reference, "SetSubscriptionAttributes").
    public struct Attributes: Sendable {
        /// Which messages it takes; nil for all.
        public private(set) var filter: FilterPolicy?
        private var filterJSON = ""
        private var scope = FilterPolicy.Scope.attributes
        /// Whether the message goes out as it is, without the envelope.
        public private(set) var isRaw = false
        /// Where messages go that can't be delivered; nil for nowhere.
        public private(set) var deadLetterQueue: QueueID?
        /// When deliveries over HTTP are tried again; nil for the topic's policy.
        public private(set) var deliveryPolicy: DeliveryPolicy?
        private var deliveryPolicyJSON = ""

        /// The defaults.
        public init() {}

        /// Sets attributes by AWS's names.
        /// - Throws: ``QueueError`` with `unknownAttribute` or `invalidAttribute`.
        public mutating func set(
            _ values: [(name: ByteString, value: String)],
            of kind: SubscriptionProtocol
        ) throws(QueueError) {
            for (name, value) in values {
                switch name {
                case "FilterPolicy": filterJSON = value
                case "FilterPolicyScope":
                    guard let scope = FilterPolicy.Scope(rawValue: value) else {
                        throw QueueError(.invalidAttribute, "FilterPolicyScope is MessageAttributes or MessageBody.")
                    }
                    self.scope = scope
                case "RawMessageDelivery":
                    guard let isRaw = ["true": true, "false": false][ByteString(value)] else {
                        throw QueueError(.invalidAttribute, "RawMessageDelivery is true or false.")
                    }
                    self.isRaw = isRaw
                case "RedrivePolicy": deadLetterQueue = value.isEmpty ? nil : try Attributes.deadLetterQueue(value)
                case "DeliveryPolicy":
                    guard value.isEmpty || kind.isDeliveredOverHTTP else {
                        throw QueueError(.invalidAttribute, "DeliveryPolicy is for the protocols http and https.")
                    }
                    deliveryPolicy = value.isEmpty ? nil : try DeliveryPolicy(subscriptionJSON: value)
                    deliveryPolicyJSON = value
                case "SubscriptionRoleArn", "ReplayPolicy": break
                default:
                    throw QueueError(
                        .unknownAttribute,
                        "There is no subscription attribute \(name.string.printable(limit: 60))."
                    )
                }
            }
            filter = filterJSON.isEmpty ? nil : try FilterPolicy(json: filterJSON, scope: scope)
        }

        private static func deadLetterQueue(_ json: String) throws(QueueError) -> QueueID {
            guard let value = try? JSONValue(Array(json.utf8)), let arn = value["deadLetterTargetArn"]?.string,
                let queue = QueueARN.queue(of: arn), !TopicSubscription.owns(queue)
            else {
                throw QueueError(
                    .invalidAttribute,
                    "RedrivePolicy is a JSON object with deadLetterTargetArn, the ARN of a queue."
                )
            }
            return queue
        }

        /// Those that were set, as ``set(_:of:)`` takes them.
        public var values: [(name: String, value: String)] {
            var values: [(name: String, value: String)] = [("RawMessageDelivery", isRaw ? "true" : "false")]
            if !filterJSON.isEmpty { values.append(("FilterPolicy", filterJSON)) }
            // Kept without a policy, too: it is that of the next one.
            if !filterJSON.isEmpty || scope != .attributes { values.append(("FilterPolicyScope", scope.rawValue)) }
            if let deadLetterQueue {
                let policy = JSONWriter.object { $0.member("deadLetterTargetArn", QueueARN.text(of: deadLetterQueue)) }
                values.append(("RedrivePolicy", String(decoding: policy, as: UTF8.self)))
            }
            if !deliveryPolicyJSON.isEmpty { values.append(("DeliveryPolicy", deliveryPolicyJSON)) }
            return values
        }
    }
}

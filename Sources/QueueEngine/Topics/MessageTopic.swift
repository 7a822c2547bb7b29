public import SluiceCore

/// A topic of SNS: what is published to it goes to its subscriptions.
///
/// Not to be mistaken for `Topic`, a name in the change log that clients of the gateway subscribe to.
public struct MessageTopic: Hashable, Sendable {
    /// Its name.
    public let name: TopicName
    /// Its number: another one when a topic of the same name is made again.
    public let number: UInt32
    /// Another one after each change of its subscriptions, drawn at random: what was read of them is known to be still so.
    package var revision: UInt64
    /// How many subscriptions it has, of which so many wait to be confirmed, and how many were removed.
    public package(set) var (confirmed, pending, deleted) = (UInt64(0), UInt64(0), UInt64(0))
    /// The newest sequence number of a FIFO topic's messages.
    package var lastSequence: UInt64 = 0
    /// How it behaves.
    public var attributes: Attributes
    /// When it was made, wall clock, nanoseconds since 1970.
    public let createdAtNanoseconds: UInt64

    package init(
        name: TopicName,
        number: UInt32,
        revision: UInt64 = .random(in: .min ... .max),
        attributes: Attributes,
        createdAtNanoseconds: UInt64
    ) {
        self.name = name
        self.number = number
        self.revision = revision
        self.attributes = attributes
        self.createdAtNanoseconds = createdAtNanoseconds
    }

    /// Its ARN.
    public var arn: String { TopicARN.text(of: name) }

    /// The attributes of a topic that can be set (API reference, "SetTopicAttributes").
    public struct Attributes: Hashable, Sendable {
        /// What people are shown.
        public private(set) var displayName = ""
        /// The policy for HTTP as it was set; nil for the defaults.
        public private(set) var deliveryPolicyJSON: String?
        /// The same, read.
        public private(set) var deliveryPolicy = DeliveryPolicy()

        /// Whether its messages stay in the order of their groups, and are taken once of several with a deduplication id.
        ///
        /// It is chosen when the topic is made.
        public private(set) var isFIFO = false
        /// Whether a message without a deduplication id has the SHA-256 of its text as one; of a FIFO topic.
        public private(set) var isContentBased = false

        /// The defaults.
        public init() {}

        private static func flag(_ name: ByteString, _ value: String) throws(QueueError) -> Bool {
            guard let flag = ["true": true, "false": false][ByteString(value)] else {
                throw QueueError(
                    .invalidAttribute,
                    "\(name)='\(value.printable(limit: 40))' is neither true nor false."
                )
            }
            return flag
        }

        /// Attributes that AWS has and that mean nothing without AWS: they are taken and kept nowhere.
        private static let ignored: Set<ByteString> = [
            "Policy", "KmsMasterKeyId", "TracingConfig", "DataProtectionPolicy", "ArchivePolicy", "FifoThroughputScope",
        ]

        /// Sets attributes by AWS's names.
        /// - Throws: ``QueueError`` with `unknownAttribute`, `invalidAttribute` or `unsupported`.
        public mutating func set(_ values: [(name: ByteString, value: String)]) throws(QueueError) {
            for (name, value) in values {
                switch name {
                case "DisplayName":
                    guard value.utf8.count <= 100, !value.unicodeScalars.contains(where: \.isUnprintable) else {
                        throw QueueError(
                            .invalidAttribute,
                            "DisplayName has at most 100 bytes and no control characters."
                        )
                    }
                    displayName = value
                case "DeliveryPolicy":
                    deliveryPolicy = value.isEmpty ? DeliveryPolicy() : try DeliveryPolicy(topicJSON: value)
                    deliveryPolicyJSON = value.isEmpty ? nil : value
                case "FifoTopic": isFIFO = try Attributes.flag(name, value)
                case "ContentBasedDeduplication": isContentBased = try Attributes.flag(name, value)
                case "SignatureVersion":
                    guard value == "2" else {
                        throw QueueError(.unsupported, "SignatureVersion is always 2 here, RSA with SHA-256.")
                    }
                default:
                    let isFeedback = ByteString(decoding: name.utf8.suffix(15)).equals("FeedbackRoleArn")
                    guard
                        Attributes.ignored.contains(name) || isFeedback
                            || name.utf8.suffix(10).elementsEqual("SampleRate".utf8)
                    else {
                        throw QueueError(
                            .unknownAttribute,
                            "There is no topic attribute \(name.string.printable(limit: 60))."
                        )
                    }
                }
            }
        }

        /// Those that were set, as ``set(_:)`` takes them.
        public var values: [(name: String, value: String)] {
            var values: [(name: String, value: String)] = []
            if !displayName.isEmpty { values.append(("DisplayName", displayName)) }
            if let deliveryPolicyJSON { values.append(("DeliveryPolicy", deliveryPolicyJSON)) }
            if isFIFO { values += [("FifoTopic", "true"), ("ContentBasedDeduplication", "\(isContentBased)")] }
            return values
        }

        /// - Throws: ``QueueError``, `invalidAttribute`, when they aren't those of a topic of this name.
        package func check(_ name: TopicName) throws(QueueError) {
            guard isFIFO == name.isFIFO else {
                throw QueueError(
                    .invalidAttribute,
                    "FifoTopic is true for topics whose names end in .fifo, and for no other; this one is \(name)."
                )
            }
            guard isFIFO || !isContentBased else {
                throw QueueError(.invalidAttribute, "ContentBasedDeduplication is for FIFO topics.")
            }
        }
    }

    /// The entry as JSON, as it is stored.
    package var json: [UInt8] {
        JSONWriter.object { json in
            json.member("number", number)
            json.member("revision", revision)
            json.member("created", createdAtNanoseconds)
            json.member("confirmed", confirmed)
            json.member("pending", pending)
            json.member("deleted", deleted)
            if attributes.isFIFO { json.member("sequence", lastSequence) }
            json.name("attributes")
            json.object { json in for (name, value) in attributes.values { json.member(name, value) } }
        }
    }

    /// Reads a stored entry; nil when it isn't one.
    package init?(_ name: TopicName, json: [UInt8]) {
        guard let value = try? JSONValue(json),
            let number = value["number"]?.unsignedInteger.flatMap({ UInt32(exactly: $0) }),
            let revision = value["revision"]?.unsignedInteger, let created = value["created"]?.unsignedInteger
        else { return nil }
        var attributes = Attributes()
        let stored = value["attributes"]?.members ?? []
        guard (try? attributes.set(stored.map { ($0.key, $0.value.string ?? "") })) != nil else { return nil }
        self.init(name: name, number: number, revision: revision, attributes: attributes, createdAtNanoseconds: created)
        confirmed = value["confirmed"]?.unsignedInteger ?? 0
        pending = value["pending"]?.unsignedInteger ?? 0
        deleted = value["deleted"]?.unsignedInteger ?? 0
        lastSequence = value["sequence"]?.unsignedInteger ?? 0
    }
}

package import SluiceCore

/// The gateways, and for each topic those with a subscriber: what a publisher resolves records with.
///
/// A pure value, kept up to date by the feed.
package struct TopicGateways {
    private var gatewaysByTopic: [Topic: [GatewayID]] = [:]
    private var rows: [GatewayID: GatewayRow] = [:]
    /// The gateways' numbers: what stands in `fingerprints` for the topics that only one gateway has, the usual case.
    private var numbers: [GatewayID: TopicFingerprints.Answer] = [:]
    /// By number, an array for all the topics that only this gateway has.
    private var alone: [[GatewayID]] = []
    private var freeNumbers: [TopicFingerprints.Answer] = []
    /// Knows the topics of one gateway, and of the others that they are in `gatewaysByTopic`.
    private var fingerprints: TopicFingerprints

    /// Several gateways have the topic.
    private static let several = TopicFingerprints.answers - 1
    /// Several topics look alike.
    ///
    /// This stays, since it isn't known how many.
    private static let ambiguous = TopicFingerprints.answers - 2

    /// - Parameter fingerprints: empty ones; others than the usual for tests.
    package init(fingerprints: TopicFingerprints = TopicFingerprints()) { self.fingerprints = fingerprints }

    /// The gateways, oldest first.
    package var gateways: [GatewayRow] {
        rows.values.sorted { ($0.startedAtNanoseconds, $0.id.rawValue) < ($1.startedAtNanoseconds, $1.id.rawValue) }
    }

    /// Topics with a subscriber.
    package var topicCount: Int { gatewaysByTopic.count }

    /// Whether the gateway is known.
    package func contains(_ gateway: GatewayID) -> Bool { rows[gateway] != nil }

    /// The gateways with a subscriber of the topic.
    ///
    /// Once in 2^40 topics that nobody has, it names a gateway all the same; that one finds no subscriber.
    package func gateways(for topic: Topic) -> [GatewayID] {
        gateways(for: topic, fingerprints.answer(for: topic))
    }

    /// The same for the topics of a batch.
    package func gateways(for topics: [Topic]) -> [[GatewayID]] {
        zip(topics, fingerprints.answers(for: topics)).map { gateways(for: $0, $1) }
    }

    private func gateways(for topic: Topic, _ answer: TopicFingerprints.Answer?) -> [GatewayID] {
        guard let answer else { return [] }
        return answer < TopicGateways.ambiguous ? alone[Int(answer)] : gatewaysByTopic[topic] ?? []
    }

    /// Adds a gateway, or changes its row.
    package mutating func set(_ gateway: GatewayRow) { rows[gateway.id] = gateway }

    /// Adds a subscriber's gateway to a topic.
    package mutating func add(_ gateway: GatewayID, to topic: Topic) {
        let number = number(of: gateway)
        if let present = gatewaysByTopic[topic] {
            guard !present.contains(gateway) else { return }
            gatewaysByTopic[topic] = present + [gateway]
            note(TopicGateways.several, for: topic)
        } else {
            gatewaysByTopic[topic] = alone[Int(number)]
            // Something is there although the topic is new: another topic that looks like it.
            let isAlike = fingerprints.answer(for: topic) != nil
            note(isAlike ? TopicGateways.ambiguous : number, for: topic)
        }
    }

    /// Removes a gateway from a topic.
    package mutating func remove(_ gateway: GatewayID, from topic: Topic) {
        guard let present = gatewaysByTopic[topic] else { return }
        let left = present.filter { $0 != gateway }
        switch left.count {
        case 0:
            gatewaysByTopic[topic] = nil
            if fingerprints.answer(for: topic) != TopicGateways.ambiguous { fingerprints.remove(topic) }
        case 1:
            let number = number(of: left[0])
            gatewaysByTopic[topic] = alone[Int(number)]
            note(number, for: topic)
        default:
            gatewaysByTopic[topic] = left
        }
    }

    private mutating func note(_ answer: TopicFingerprints.Answer, for topic: Topic) {
        guard fingerprints.answer(for: topic) != TopicGateways.ambiguous else { return }
        fingerprints.set(answer, for: topic)
    }

    private mutating func number(of gateway: GatewayID) -> TopicFingerprints.Answer {
        if let number = numbers[gateway] { return number }
        let number = freeNumbers.popLast() ?? TopicFingerprints.Answer(truncatingIfNeeded: alone.count)
        if Int(number) == alone.count { alone.append([]) }
        alone[Int(number)] = [gateway]
        numbers[gateway] = number
        return number
    }

    /// Removes a gateway with all its topics.
    package mutating func remove(_ gateway: GatewayID) {
        removeTopics(of: gateway)
        rows[gateway] = nil
        guard let number = numbers.removeValue(forKey: gateway) else { return }
        alone[Int(number)] = []
        freeNumbers.append(number)
    }

    /// Removes a gateway's topics and keeps its row.
    package mutating func removeTopics(of gateway: GatewayID) {
        for topic in topics(of: gateway) { remove(gateway, from: topic) }
    }

    /// The topics of a gateway; this walks over all topics.
    package func topics(of gateway: GatewayID) -> [Topic] {
        gatewaysByTopic.compactMap { topic, gateways in gateways.contains(gateway) ? topic : nil }
    }
}

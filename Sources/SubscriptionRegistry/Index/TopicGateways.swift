import SluiceCore

/// The gateways, and for each topic those with a subscriber: what a publisher resolves records with.
///
/// A pure value, kept up to date by the feed.
struct TopicGateways {
    private var gatewaysByTopic: [Topic: [GatewayID]] = [:]
    private var rows: [GatewayID: GatewayRow] = [:]
    /// One array for all the topics that only this gateway has, the usual case.
    private var alone: [GatewayID: [GatewayID]] = [:]

    /// The gateways, oldest first.
    var gateways: [GatewayRow] {
        rows.values.sorted { ($0.startedAtNanoseconds, $0.id.rawValue) < ($1.startedAtNanoseconds, $1.id.rawValue) }
    }

    /// Topics with a subscriber.
    var topicCount: Int { gatewaysByTopic.count }

    /// Whether the gateway is known.
    func contains(_ gateway: GatewayID) -> Bool { rows[gateway] != nil }

    /// The gateways with a subscriber of the topic.
    func gateways(for topic: Topic) -> [GatewayID] { gatewaysByTopic[topic] ?? [] }

    /// Adds a gateway, or changes its row.
    mutating func set(_ gateway: GatewayRow) {
        rows[gateway.id] = gateway
        alone[gateway.id] = [gateway.id]
    }

    /// Adds a subscriber's gateway to a topic.
    mutating func add(_ gateway: GatewayID, to topic: Topic) {
        guard let present = gatewaysByTopic[topic] else {
            gatewaysByTopic[topic] = alone[gateway] ?? [gateway]
            return
        }
        if !present.contains(gateway) { gatewaysByTopic[topic] = present + [gateway] }
    }

    /// Removes a gateway from a topic.
    mutating func remove(_ gateway: GatewayID, from topic: Topic) {
        guard let present = gatewaysByTopic[topic] else { return }
        let left = present.filter { $0 != gateway }
        if left.isEmpty {
            gatewaysByTopic[topic] = nil
        } else {
            gatewaysByTopic[topic] = left.count == 1 ? alone[left[0]] ?? left : left
        }
    }

    /// Removes a gateway with all its topics.
    mutating func remove(_ gateway: GatewayID) {
        removeTopics(of: gateway)
        rows[gateway] = nil
        alone[gateway] = nil
    }

    /// Removes a gateway's topics and keeps its row.
    mutating func removeTopics(of gateway: GatewayID) {
        for topic in topics(of: gateway) { remove(gateway, from: topic) }
    }

    /// The topics of a gateway; this walks over all topics.
    func topics(of gateway: GatewayID) -> [Topic] {
        gatewaysByTopic.compactMap { topic, gateways in gateways.contains(gateway) ? topic : nil }
    }
}

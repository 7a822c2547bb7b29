import ArgumentParser

/// The gateway's flags.
struct GatewayOptions: SettingOptions {
    @Option(.host) var host: String?
    @Option(.port) var port: String?
    @Option(.allowedHosts) var allowedHosts: String?
    @Option(.name) var name: String?
    @Option(.link) var link: String?
    @Option(.eventLoops) var eventLoops: String?
    @Option(.listenBacklog) var listenBacklog: String?
    @Option(.retentionAge) var retentionAge: String?
    @Option(.retentionBytes) var retentionBytes: String?
    @Option(.itemsBytes) var itemsBytes: String?
    @Option(.principalItemsBytes) var principalItemsBytes: String?
    @Option(.maximumTopics) var maximumTopics: String?
    @Option(.principalTopics) var principalTopics: String?
    @Option(.principalTopicsPerSecond) var principalTopicsPerSecond: String?
    @Option(.payloadBytes) var payloadBytes: String?
    @Option(.requestBytes) var requestBytes: String?
    @Option(.httpIdleTimeout) var httpIdleTimeout: String?
    @Option(.itemTopic) var itemTopic: String?
    @Option(.itemImage) var itemImage: String?
    @Option(.subscriptionsPerConnection) var subscriptionsPerConnection: String?
    @Option(.messageBytes) var messageBytes: String?
    @Option(.unfinishedBytes) var unfinishedBytes: String?
    @Option(.unwrittenBytes) var unwrittenBytes: String?
    @Option(.pingInterval) var pingInterval: String?
    @Option(.idleTimeout) var idleTimeout: String?
    @Option(.messageTimeout) var messageTimeout: String?
    @Option(.drainWindow) var drainWindow: String?
    @Option(.drainDeadline) var drainDeadline: String?
    @Flag(.echo) var echo: Bool?

    var given: [(setting: Setting, text: String?)] {
        [
            (.host, host), (.port, port), (.allowedHosts, allowedHosts), (.name, name), (.link, link),
            (.eventLoops, eventLoops),
            (.listenBacklog, listenBacklog),
            (.retentionAge, retentionAge), (.retentionBytes, retentionBytes), (.itemsBytes, itemsBytes),
            (.principalItemsBytes, principalItemsBytes), (.maximumTopics, maximumTopics),
            (.principalTopics, principalTopics), (.principalTopicsPerSecond, principalTopicsPerSecond),
            (.payloadBytes, payloadBytes),
            (.requestBytes, requestBytes), (.httpIdleTimeout, httpIdleTimeout), (.itemTopic, itemTopic),
            (.itemImage, itemImage),
            (.subscriptionsPerConnection, subscriptionsPerConnection), (.messageBytes, messageBytes),
            (.unfinishedBytes, unfinishedBytes), (.unwrittenBytes, unwrittenBytes), (.pingInterval, pingInterval),
            (.idleTimeout, idleTimeout), (.messageTimeout, messageTimeout),
            (.drainWindow, drainWindow), (.drainDeadline, drainDeadline), (.echo, echo.map(String.init)),
        ]
    }
}

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
}

/// The flags that choose the gateway's authorizer.
struct AuthorizerOptions: SettingOptions {
    @Option(.authorizer) var authorizer: String?
    @Option(.jwtSecret) var jwtSecret: String?
    @Option(.jwtSecretFile) var jwtSecretFile: String?
    @Option(.jwtPublicKeyFiles) var jwtPublicKeyFiles: String?
    @Option(.jwksFile) var jwksFile: String?
    @Option(.jwtIssuer) var jwtIssuer: String?
    @Option(.jwtAudience) var jwtAudience: String?
    @Option(.jwtLeeway) var jwtLeeway: String?
    @Flag(.jwtRequiresExpiration) var jwtRequiresExpiration: Bool?
    @Option(.webhookURL) var webhookURL: String?
    @Option(.webhookToken) var webhookToken: String?
    @Option(.webhookTokenFile) var webhookTokenFile: String?
    @Option(.webhookHeaders) var webhookHeaders: String?
    @Option(.webhookTimeout) var webhookTimeout: String?
    @Option(.webhookTTL) var webhookTTL: String?
    @Option(.webhookCacheBytes) var webhookCacheBytes: String?
}

import ArgumentParser

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

    var given: [(setting: Setting, text: String?)] {
        [
            (.authorizer, authorizer), (.jwtSecret, jwtSecret), (.jwtSecretFile, jwtSecretFile),
            (.jwtPublicKeyFiles, jwtPublicKeyFiles), (.jwksFile, jwksFile), (.jwtIssuer, jwtIssuer),
            (.jwtAudience, jwtAudience),
            (.jwtLeeway, jwtLeeway), (.jwtRequiresExpiration, jwtRequiresExpiration.map(String.init)),
            (.webhookURL, webhookURL),
            (.webhookToken, webhookToken), (.webhookTokenFile, webhookTokenFile), (.webhookHeaders, webhookHeaders),
            (.webhookTimeout, webhookTimeout), (.webhookTTL, webhookTTL), (.webhookCacheBytes, webhookCacheBytes),
        ]
    }
}

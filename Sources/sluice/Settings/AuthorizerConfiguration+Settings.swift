import Gateway

extension AuthorizerConfiguration {
    /// What the settings say; the authorizer itself checks that it is complete.
    /// - Throws: `configuration` for a file with a secret that can't be used.
    init(_ settings: Settings) throws(CommandError) {
        self.init()
        settings.assign(.authorizer, to: &kind)
        if case .text(let secret)? = settings[.jwtSecret] { jwt.secret = Array(secret.utf8) }
        settings.assign(.jwtSecretFile, to: &jwt.secretFile)
        settings.assign(.jwtPublicKeyFiles, to: &jwt.publicKeyFiles)
        settings.assign(.jwksFile, to: &jwt.jwksFile)
        settings.assign(.jwtIssuer, to: &jwt.issuer)
        settings.assign(.jwtAudience, to: &jwt.audience)
        settings.assign(.jwtLeeway, to: &jwt.leeway)
        settings.assign(.jwtRequiresExpiration, to: &jwt.requiresExpiration)
        settings.assign(.webhookURL, to: &webhook.url)
        webhook.bearerToken = try settings.secret(.webhookToken, file: .webhookTokenFile)
        settings.assign(.webhookHeaders, to: &webhook.forwardedHeaders)
        settings.assign(.webhookTimeout, to: &webhook.timeout)
        settings.assign(.webhookTTL, to: &webhook.defaultTTL)
        settings.assign(.webhookCacheBytes, to: &webhook.maximumCacheBytes)
    }
}

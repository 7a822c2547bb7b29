import ArgumentParser
import Gateway

/// The flags that choose the gateway's authorizer.
struct AuthorizerOptions: SettingOptions {
    @Option(.authorizer) var authorizer: String?
    @Option(.jwtSecret) var jwtSecret: String?
    @Option(
        Setting("jwt-secret-file", .text, for: [.gateway], "File with such a secret.")
            .fills(authorizer: \.jwt.secretFile)
    )
    var jwtSecretFile: String?
    @Option(
        Setting(
            "jwt-public-key-files",
            .list,
            for: [.gateway],
            "PEM files with RSA, EC or Ed25519 public keys or certificates."
        )
        .fills(authorizer: \.jwt.publicKeyFiles)
    )
    var jwtPublicKeyFiles: String?
    @Option(
        Setting(
            "jwks-file",
            .text,
            for: [.gateway],
            "JSON Web Key Set; it is read again when it has changed."
        )
        .fills(authorizer: \.jwt.jwksFile)
    )
    var jwksFile: String?
    @Option(
        Setting(
            "jwks-url",
            .text,
            for: [.gateway],
            isSecret: true,
            "Where a JSON Web Key Set is fetched from, and again when it is old or a key isn't known; https unless on this machine."
        )
        .fills(authorizer: \.jwt.jwksURL)
    )
    var jwksURL: String?
    @Option(
        Setting(
            "jwt-oidc-issuer",
            .text,
            for: [.gateway],
            "Issuer whose OpenID configuration says where its keys are; also what a token's iss must be."
        )
        .fills(authorizer: \.jwt.oidcIssuer)
    )
    var jwtOIDCIssuer: String?
    @Option(
        Setting("jwt-issuer", .text, for: [.gateway], "What a token's iss must be.")
            .fills(authorizer: \.jwt.issuer)
    )
    var jwtIssuer: String?
    @Option(
        Setting("jwt-audience", .text, for: [.gateway], "What a token's aud must name.")
            .fills(authorizer: \.jwt.audience)
    )
    var jwtAudience: String?
    @Option(
        Setting(
            "jwt-leeway",
            .duration(.zero...(.seconds(3_600))),
            default: "30s",
            for: [.gateway],
            "How far the clocks of gateway and issuer may differ."
        )
        .fills(authorizer: \.jwt.leeway)
    )
    var jwtLeeway: String?
    @Flag(
        Setting(
            "jwt-requires-expiration",
            .onOff,
            default: "false",
            for: [.gateway],
            "Whether a token without exp is refused."
        )
        .fills(authorizer: \.jwt.requiresExpiration)
    )
    var jwtRequiresExpiration: Bool?
    @Option(
        Setting(
            "token-cookie",
            .text,
            for: [.gateway],
            "Name of a cookie that may carry a client's token, where nothing else of the request does."
        )
        .fills(gateway: \.webSocket.tokenCookie)
    )
    var tokenCookie: String?
    @Option(
        Setting(
            "token-warning",
            .duration(.zero...(.seconds(86_400))),
            default: "60s",
            for: [.gateway],
            "How long before its token's end a WebSocket client is told; at half of what is left, where that is later."
        )
        .fills(gateway: \.webSocket.tokenWarning)
    )
    var tokenWarning: String?
    @Option(
        Setting(
            "webhook-url",
            .text,
            for: [.gateway],
            isSecret: true,
            "Where the webhook authorizer posts its questions; https unless on this machine."
        )
        .fills(authorizer: \.webhook.url)
    )
    var webhookURL: String?
    @Option(.webhookToken) var webhookToken: String?
    @Option(.webhookTokenFile) var webhookTokenFile: String?
    @Option(
        Setting(
            "webhook-headers",
            .list,
            default: "origin,cookie",
            for: [.gateway],
            "The client's header fields that are passed on."
        )
        .fills(authorizer: \.webhook.forwardedHeaders)
    )
    var webhookHeaders: String?
    @Option(
        Setting(
            "webhook-timeout",
            .duration(.milliseconds(10)...(.seconds(60))),
            default: "2s",
            for: [.gateway],
            "How long a question may wait for its turn, and then how long it may take; without an answer nothing is allowed."
        )
        .fills(authorizer: \.webhook.timeout)
    )
    var webhookTimeout: String?
    @Option(
        Setting(
            "webhook-ttl",
            .duration(.zero...(.seconds(86_400))),
            default: "10s",
            for: [.gateway],
            "How long an answer without ttlSeconds is kept."
        )
        .fills(authorizer: \.webhook.defaultTTL)
    )
    var webhookTTL: String?
    @Option(
        Setting(
            "webhook-cache-bytes",
            .bytes(65_536...1 << 34),
            default: "32MiB",
            for: [.gateway],
            "Memory for kept answers, an eighth of it for refusals."
        )
        .fills(authorizer: \.webhook.maximumCacheBytes)
    )
    var webhookCacheBytes: String?
}

/// What is also looked up by name.
extension Setting {
    static let authorizer = Setting(
        "authorizer",
        .choice(AuthorizerConfiguration.Kind.allCases.map(\.rawValue)),
        default: "allow-all",
        for: [.gateway],
        "Who decides about connects, subscribes and publishes. On a host that others reach, allow-all must be set explicitly."
    )
    .fills(authorizer: \.kind)
    static let jwtSecret = Setting(
        "jwt-secret",
        .text,
        for: [.gateway],
        isSecret: true,
        "Secret of HS256/384/512 tokens, 32 bytes or more. Better as a variable or as --jwt-secret-file."
    )
    static let webhookToken = Setting(
        "webhook-token",
        .text,
        for: [.gateway],
        isSecret: true,
        "Bearer token that those requests carry. Better as a variable or as --webhook-token-file."
    )
    static let webhookTokenFile = Setting("webhook-token-file", .text, for: [.gateway], "File with such a token.")
}

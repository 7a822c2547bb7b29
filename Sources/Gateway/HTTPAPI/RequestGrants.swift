import HTTPTypes
import Hummingbird
import SluiceCore

/// Authorizes routed requests with the same authorizer as publishes and WebSockets.
struct RequestGrants: Sendable {
    let authorizer: any Authorizer

    /// What the request's token allows.
    /// - Throws: `InvalidRequest`, `Unauthorized`, `TokenExpired`, `Forbidden` or `AuthorizerUnavailable`.
    func grant(_ request: Request, _ context: GatewayRequestContext) async throws(APIError) -> Grant {
        try await authorizer.connect(try ConnectRequest(request, remoteAddress: context.remoteAddress))
    }

    /// Checks that `grant` allows `action` on all of `topics`.
    /// - Throws: `Forbidden` or `AuthorizerUnavailable`.
    func authorize(_ action: TopicAction, _ topics: [Topic], _ grant: Grant) async throws(APIError) {
        for topic in topics {
            switch authorizer.decideNow(action, topic: topic, grant: grant) {
            case .allow?: continue
            case .deny(let error)?: throw error
            case nil: try await authorizer.authorize(action, topic: topic, grant: grant)
            }
        }
    }
}

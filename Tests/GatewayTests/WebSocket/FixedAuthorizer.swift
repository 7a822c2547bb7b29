import SluiceCore

@testable import Gateway

/// Gives every client one grant; what the grant leaves open is decided by the topic's name.
struct FixedAuthorizer: Authorizer {
    let grant: Grant
    let refusal: APIError?

    /// Its answer is always the same, so a token is more than enough.
    var basis: GrantBasis { .token }

    init(_ grant: Grant, refusal: APIError? = nil) {
        self.grant = grant
        self.refusal = refusal
    }

    func connect(_ request: ConnectRequest) async throws(APIError) -> Grant {
        if let refusal { throw refusal }
        return grant
    }

    func authorize(_ action: TopicAction, topic: Topic, grant: Grant) async throws(APIError) {
        if !topic.name.hasPrefix("open/") { throw .forbidden(action, topic, grant) }
    }
}

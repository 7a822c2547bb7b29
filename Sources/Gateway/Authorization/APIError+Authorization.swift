import SluiceCore

/// The errors that authorizers share, each in one wording.
extension APIError {
    static var tokenMissing: APIError {
        APIError(
            .unauthorized,
            "There is no token. Send it as 'Authorization: Bearer …', or as ?token=… when the client can't set a field."
        )
    }

    static var tokenExpired: APIError {
        APIError(.tokenExpired, "The token's time is over. Get a new one and connect again.")
    }

    static var authorizerUnavailable: APIError {
        APIError(
            .authorizerUnavailable,
            "The back end that decides about access doesn't answer. Nothing is allowed until it does; try again later."
        )
    }

    static func forbiddenOrigin(_ origin: String) -> APIError {
        APIError(
            .forbiddenOrigin,
            "Pages of '\(origin.printable(limit: 80))' may not use this gateway. If they should, name them in --allowed-origins."
        )
    }

    static func forbidden(_ action: TopicAction, _ topic: Topic, _ grant: Grant) -> APIError {
        let who = grant.principal.map { "'\($0.printable(limit: 80))'" } ?? "This client"
        return APIError(
            .forbidden,
            "\(who) may not \(action.rawValue) to the topic '\(topic.name.printable(limit: 80))'."
        )
    }
}

public import Logging
public import SluiceCore
import Synchronization

/// Asks the user's back end who may connect and, where the answer leaves it open, who may do what with which topic.
///
/// Answers are kept for as long as they say. Equal questions at the same time share one request. Whenever the back end gives no proper
/// answer, nothing is allowed: `AuthorizerUnavailable`.
public final class WebhookAuthorizer: Authorizer {
    private let configuration: WebhookConfiguration
    private let backEnd: BackEnd
    private let questions: Mutex<WebhookQuestions>
    private let wallNanoseconds: @Sendable () -> UInt64
    private let logger: Logger

    /// Prepares to ask; the back end isn't contacted yet, so it may start later.
    /// - Parameters:
    ///   - configuration: where and how to ask.
    ///   - logger: told when the back end fails.
    ///   - wallNanoseconds: the clock that answers age by, nanoseconds since 1970.
    /// - Throws: ``AuthorizerConfigurationError``.
    public init(
        configuration: WebhookConfiguration,
        logger: Logger,
        wallNanoseconds: @escaping @Sendable () -> UInt64 = { StageClock.wallNanoseconds() }
    ) throws(AuthorizerConfigurationError) {
        guard configuration.maximumCachedAnswers > 0, configuration.maximumOpenQuestions > 0,
            configuration.maximumConnections > 0,
            configuration.timeout > .zero
        else {
            throw AuthorizerConfigurationError(
                .invalidLimit,
                "The webhook's limits and its timeout must be greater than zero."
            )
        }
        self.configuration = configuration
        backEnd = try BackEnd(configuration)
        questions = Mutex(
            WebhookQuestions(
                maximumAnswers: configuration.maximumCachedAnswers,
                maximumOpen: configuration.maximumOpenQuestions
            )
        )
        self.wallNanoseconds = wallNanoseconds
        self.logger = logger
        if backEnd.isInTheClear {
            logger.warning(
                "Tokens go to the authorization back end unencrypted; use https",
                metadata: ["url": "\(backEnd.name)"]
            )
        }
    }

    /// Asks the back end, or uses its answer to the same question.
    public func connect(_ request: ConnectRequest) async throws(APIError) -> Grant {
        let client = WebhookClient(request, forwardedHeaders: configuration.forwardedHeaders)
        let kept = try await answer(to: .connect(client))
        guard kept.answer.isAllowed else {
            throw WebhookAuthorizer.refusal(
                kept.answer,
                client.hasToken && !kept.answer.isTokenRefused ? .forbidden : .unauthorized,
                "This client may not connect."
            )
        }
        var expiry = kept.expiresAtWallNanoseconds
        // An HTTP request's grant may be kept with its connection: no longer than the answer itself.
        if !request.isWebSocket { expiry = min(expiry ?? .max, kept.validUntilWallNanoseconds) }
        return Grant(
            principal: kept.answer.principal,
            expiresAtWallNanoseconds: expiry,
            subscribe: kept.answer.subscribe ?? [],
            publish: kept.answer.publish ?? [],
            asksFor: Set(
                (kept.answer.subscribe == nil ? [TopicAction.subscribe] : [])
                    + (kept.answer.publish == nil ? [TopicAction.publish] : [])
            ),
            token: request.token
        )
    }

    /// Follows the patterns that the back end gave at connect, then answers that are still good; otherwise it has to be asked.
    public func decideNow(_ action: TopicAction, topic: Topic, grant: Grant) -> AuthorizationDecision? {
        if grant.allows(action, topic) { return .allow }
        guard grant.asksFor.contains(action) else { return .deny(.forbidden(action, topic, grant)) }
        let question = WebhookQuestion.topic(action, topic, principal: grant.principal, token: grant.token)
        let now = wallNanoseconds()
        guard let kept = questions.withLock({ $0.known(question, atWallNanoseconds: now) }) else { return nil }
        return WebhookAuthorizer.decision(kept.answer, action, topic, grant)
    }

    /// Asks the back end about one topic.
    public func authorize(_ action: TopicAction, topic: Topic, grant: Grant) async throws(APIError) {
        if grant.allows(action, topic) { return }
        guard grant.asksFor.contains(action) else { throw .forbidden(action, topic, grant) }
        let kept = try await answer(to: .topic(action, topic, principal: grant.principal, token: grant.token))
        if case .deny(let error) = WebhookAuthorizer.decision(kept.answer, action, topic, grant) { throw error }
    }

    private func answer(to question: WebhookQuestion) async throws(APIError) -> KeptAnswer {
        let now = wallNanoseconds()
        let step = questions.withLock { questions in
            let step = questions.step(question, atWallNanoseconds: now)
            guard case .ask = step else { return step }
            // A task of its own: whoever asked first may be cancelled while others wait. It ends after the timeout at the latest.
            let request = WebhookRequest { await self.ask(question) }
            questions.started(question, request)
            return .wait(request)
        }
        switch step {
        case .known(let kept): return kept
        case .wait(let request): return try await request.value.get()
        case .ask, .refuse: throw .authorizerUnavailable
        }
    }

    private func ask(_ question: WebhookQuestion) async -> Result<KeptAnswer, APIError> {
        do throws(BackEndFailure) {
            let kept = keptAnswer(try await backEnd.ask(question))
            questions.withLock { $0.finished(question, kept) }
            return .success(kept)
        } catch {
            let now = wallNanoseconds()
            let shouldComplain = questions.withLock { questions in
                questions.finished(question, nil)
                return questions.shouldComplain(atWallNanoseconds: now)
            }
            if shouldComplain {
                logger.warning(
                    "The authorization back end gave no answer; nothing is allowed until it does",
                    metadata: ["url": "\(backEnd.name)", "reason": "\(error)"]
                )
            }
            return .failure(.authorizerUnavailable)
        }
    }

    private func keptAnswer(_ answer: WebhookAnswer) -> KeptAnswer {
        let now = wallNanoseconds()
        let longest = configuration.maximumTTL.wholeNanoseconds
        let ttl =
            answer.ttlSeconds.map(WebhookAuthorizer.nanoseconds) ?? configuration.defaultTTL.wholeNanoseconds
        return KeptAnswer(
            answer: answer,
            validUntilWallNanoseconds: now.saturatingAdd(min(ttl, longest)),
            expiresAtWallNanoseconds: answer.expiresInSeconds.map {
                now.saturatingAdd(WebhookAuthorizer.nanoseconds($0))
            }
        )
    }

    private static func nanoseconds(_ seconds: Double) -> UInt64 {
        UInt64(exactly: (seconds * 1_000_000_000).rounded(.down)) ?? .max
    }

    private static func decision(
        _ answer: WebhookAnswer,
        _ action: TopicAction,
        _ topic: Topic,
        _ grant: Grant
    ) -> AuthorizationDecision {
        if answer.isAllowed { return .allow }
        let code: APIErrorCode = answer.isTokenRefused ? .unauthorized : .forbidden
        return .deny(refusal(answer, code, APIError.forbidden(action, topic, grant).message))
    }

    private static func refusal(_ answer: WebhookAnswer, _ code: APIErrorCode, _ message: String) -> APIError {
        APIError(code, answer.reason.map { $0.printable(limit: 200) } ?? message)
    }
}

public import Logging
public import Metrics
public import SluiceCore
import Synchronization

/// Asks the user's back end who may connect and, where the answer leaves it open, who may do what with which topic.
///
/// Answers are kept for as long as they say. Equal questions at the same time share one request. Whenever the back end gives no proper
/// answer, nothing is allowed: `AuthorizerUnavailable`.
public final class WebhookAuthorizer: Authorizer {
    /// How often answers and turns whose time is over are looked for.
    private static let upkeepInterval: Duration = .milliseconds(250)

    private let configuration: WebhookConfiguration
    private let backEnd: BackEnd
    private let questions: Mutex<WebhookQuestions>
    private let measures = Mutex<WebhookMeasures?>(nil)
    private let wallNanoseconds: @Sendable () -> UInt64
    private let failures: BoundedLog
    private let refusals: BoundedLog

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
        guard configuration.maximumCacheBytes > 0, configuration.maximumOpenQuestions > 0,
            configuration.maximumOpenBytes >= WebhookQuestion.maximumBytes, configuration.maximumConnections > 0,
            configuration.timeout > .zero
        else {
            throw AuthorizerConfigurationError(
                .invalidLimit,
                """
                The webhook's limits and its timeout must be greater than zero, and the bytes of waiting questions at least \
                \(WebhookQuestion.maximumBytes), the longest question.
                """
            )
        }
        self.configuration = configuration
        backEnd = try BackEnd(configuration)
        questions = Mutex(WebhookQuestions(configuration))
        self.wallNanoseconds = wallNanoseconds
        failures = BoundedLog(logger)
        refusals = BoundedLog(logger)
        if backEnd.isInTheClear {
            logger.warning(
                "Tokens go to the authorization back end unencrypted; use https",
                metadata: ["url": "\(backEnd.name)"]
            )
        }
    }

    /// Measures its questions and its cache.
    public func measure(with metrics: any MetricsFactory) {
        let measures = WebhookMeasures(factory: metrics)
        self.measures.withLock { $0 = measures }
        measures.record(questions.withLock { $0.state() })
    }

    /// All that the back end is told about an HTTP request.
    public var basis: GrantBasis { .tokenAndFields(configuration.forwardedHeaders) }

    /// Asks the back end, or uses its answer to the same question.
    public func connect(_ request: ConnectRequest) async throws(APIError) -> Grant {
        let client = WebhookClient(request, forwardedHeaders: configuration.forwardedHeaders)
        let kept = try await answer(to: try WebhookQuestion(connect: client))
        guard kept.answer.isAllowed else {
            throw WebhookAuthorizer.refusal(
                kept.answer,
                client.hasToken && !kept.answer.isTokenRefused ? .forbidden : .unauthorized,
                "This client may not connect."
            )
        }
        var grant = Grant(
            principal: kept.answer.principal,
            expiresAtWallNanoseconds: kept.expiresAtWallNanoseconds,
            subscribe: kept.answer.subscribe ?? [],
            publish: kept.answer.publish ?? [],
            asksFor: Set(
                (kept.answer.subscribe == nil ? [TopicAction.subscribe] : [])
                    + (kept.answer.publish == nil ? [TopicAction.publish] : [])
            ),
            token: request.token
        )
        // An HTTP request's grant may be kept with its connection: no longer than the answer itself.
        if !request.isWebSocket { grant.reusableUntilWallNanoseconds = kept.validUntilWallNanoseconds }
        grant.asker = GrantedAsker(
            digest: AskerDigest(WebhookQuestion.askerJSON(grant)),
            asker: grant.principal.map { .principal(ByteString($0)) } ?? .client(client.network)
        )
        return grant
    }

    /// Follows the grant's end and the patterns that the back end gave at connect, then answers that are still good; otherwise it has to be
    /// asked.
    public func decideNow(_ action: TopicAction, topic: Topic, grant: Grant) -> AuthorizationDecision? {
        let now = wallNanoseconds()
        if let decision = WebhookAuthorizer.decision(action, topic, grant, atWallNanoseconds: now) { return decision }
        let key = QuestionKey(action, topic, grant)
        guard let kept = questions.withLock({ $0.known(key, atWallNanoseconds: now) }) else { return nil }
        return WebhookAuthorizer.decision(kept.answer, action, topic, grant)
    }

    /// Asks the back end about one topic.
    public func authorize(_ action: TopicAction, topic: Topic, grant: Grant) async throws(APIError) {
        let now = wallNanoseconds()
        switch WebhookAuthorizer.decision(action, topic, grant, atWallNanoseconds: now) {
        case .allow?: return
        case .deny(let error)?: throw error
        case nil: break
        }
        let kept = try await answer(to: WebhookQuestion(action, topic, grant))
        // The answer may have taken longer than the grant lasts.
        if grant.hasExpired(atWallNanoseconds: wallNanoseconds()) { throw .tokenExpired }
        if case .deny(let error) = WebhookAuthorizer.decision(kept.answer, action, topic, grant) { throw error }
    }
}

// MARK: - Asking

extension WebhookAuthorizer {
    private func answer(to question: WebhookQuestion) async throws(APIError) -> KeptAnswer {
        let now = wallNanoseconds()
        let (step, startsUpkeep) = questions.withLock { questions in
            let step = questions.step(question.key, atWallNanoseconds: now)
            guard case .ask = step else { return (step, false) }
            // A task of its own: whoever asked first may be cancelled while others wait. It ends after both timeouts at the latest.
            let request = WebhookRequest { await self.ask(question) }
            questions.started(question.key, request)
            return (.wait(request), questions.startsUpkeep())
        }
        if startsUpkeep { keepUp() }
        switch step {
        case .known(let kept): return kept
        case .wait(let request): return try await request.value.get()
        case .ask: throw .authorizerUnavailable
        }
    }

    /// Waits for its turn and asks.
    private func ask(_ question: WebhookQuestion) async -> Result<KeptAnswer, APIError> {
        guard await hasTurn(question) else {
            end(question, nil, .refused, turns: [])
            refusals.write(
                .warning,
                "Questions to the authorization back end were refused: too many waited, or for too long",
                ["url": "\(backEnd.name)"]
            )
            return .failure(.authorizerUnavailable)
        }
        do throws(BackEndFailure) {
            let kept = keptAnswer(try await backEnd.ask(question))
            end(question, kept, .answered, turns: questions.withLock { $0.queue.finish(question.asker) })
            return .success(kept)
        } catch {
            end(question, nil, .failed, turns: questions.withLock { $0.queue.finish(question.asker) })
            failures.write(
                .warning,
                "The authorization back end gave no answer; nothing is allowed until it does",
                ["url": "\(backEnd.name)", "reason": "\(error)"]
            )
            return .failure(.authorizerUnavailable)
        }
    }

    private func hasTurn(_ question: WebhookQuestion) async -> Bool {
        let deadline = StageClock.nowNanoseconds().saturatingAdd(configuration.timeout.wholeNanoseconds)
        return await withCheckedContinuation { turn in
            WebhookAuthorizer.perform(
                questions.withLock { questions in
                    questions.queue.add(
                        turn,
                        of: question.asker,
                        bytes: question.json.count,
                        deadlineNanoseconds: deadline
                    )
                }
            )
        }
    }

    private static func perform(_ steps: [QuestionQueue<WebhookQuestions.Turn>.Step]) {
        for step in steps { step.item.resume(returning: step.isTurn) }
    }

    private func end(
        _ question: WebhookQuestion,
        _ kept: KeptAnswer?,
        _ outcome: WebhookMeasures.Outcome,
        turns: [QuestionQueue<WebhookQuestions.Turn>.Step]
    ) {
        WebhookAuthorizer.perform(turns)
        let now = wallNanoseconds()
        let state = questions.withLock { questions in
            questions.finished(question.key, kept, atWallNanoseconds: now)
            return questions.state()
        }
        guard let measures = measures.withLock({ $0 }) else { return }
        measures.ended(outcome)
        measures.record(state)
    }

    /// Looks after answers and turns until there are none.
    private func keepUp() {
        // A task of its own, which ends with the last answer, or with the authorizer.
        Task { [weak self] in
            while true {
                try? await Task.sleep(for: WebhookAuthorizer.upkeepInterval)
                guard let self, self.upkeep() else { return }
            }
        }
    }

    private func upkeep() -> Bool {
        let (wall, now) = (wallNanoseconds(), StageClock.nowNanoseconds())
        let (steps, state) = questions.withLock { questions in
            (questions.upkeep(atWallNanoseconds: wall, nanoseconds: now), questions.state())
        }
        measures.withLock { $0 }?.record(state)
        guard let steps else { return false }
        WebhookAuthorizer.perform(steps)
        return true
    }

    private func keptAnswer(_ answer: WebhookAnswer) -> KeptAnswer {
        let now = wallNanoseconds()
        let longest =
            answer.isAllowed
            ? configuration.maximumTTL : min(configuration.maximumRefusalTTL, configuration.maximumTTL)
        let ttl =
            answer.ttlSeconds.map(WebhookAuthorizer.nanoseconds) ?? configuration.defaultTTL.wholeNanoseconds
        return KeptAnswer(
            answer: answer,
            validUntilWallNanoseconds: now.saturatingAdd(min(ttl, longest.wholeNanoseconds)),
            expiresAtWallNanoseconds: answer.expiresInSeconds.map {
                now.saturatingAdd(WebhookAuthorizer.nanoseconds($0))
            }
        )
    }

    private static func nanoseconds(_ seconds: Double) -> UInt64 {
        UInt64(exactly: (seconds * 1_000_000_000).rounded(.down)) ?? .max
    }
}

// MARK: - Deciding

extension WebhookAuthorizer {
    /// What the grant itself decides.
    private static func decision(
        _ action: TopicAction,
        _ topic: Topic,
        _ grant: Grant,
        atWallNanoseconds now: UInt64
    ) -> AuthorizationDecision? {
        if grant.hasExpired(atWallNanoseconds: now) { return .deny(.tokenExpired) }
        if grant.allows(action, topic) { return .allow }
        return grant.asksFor.contains(action) ? nil : .deny(.forbidden(action, topic, grant))
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

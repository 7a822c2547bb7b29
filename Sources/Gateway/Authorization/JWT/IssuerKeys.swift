import AsyncHTTPClient
import Logging
import Metrics
import NIOCore
import NIOHTTP1
import SluiceCore
import Synchronization

/// The keys of an issuer, fetched from where it publishes them: a key set by its address, or by way of OpenID Connect's discovery.
///
/// Keys that were read stay while the issuer can't be reached, and while what it sends is no key set.
final class IssuerKeys: Sendable {
    private struct State {
        var keys: [VerificationKey] = []
        var schedule = KeyFetchSchedule()
        var waiters: [CheckedContinuation<Void, Never>] = []
        var lastFault: String?
        var hasKeys = false
        var fetches: CounterFamily<Outcome>?
    }

    private enum Outcome: String, CaseIterable {
        case succeeded
        case failed
    }

    private let source: KeySource
    private let client: HTTPClient
    private let logger: BoundedLog
    private let state = Mutex(State())
    private let now: @Sendable () -> UInt64

    /// How long a fetch may take, and each of its two questions.
    static let timeout = TimeAmount.seconds(5)
    private static let maximumBytes = 1024 * 1024

    /// `now`: nanoseconds of a clock that doesn't jump.
    init(_ source: KeySource, logger: Logger, now: @escaping @Sendable () -> UInt64 = { StageClock.nowNanoseconds() }) {
        self.source = source
        self.logger = BoundedLog(logger)
        self.now = now
        // A redirect could have others' keys taken for the issuer's.
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = IssuerKeys.timeout
        configuration.connectionPool.retryConnectionEstablishment = false
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    deinit {
        // It keeps itself alive until its connections are closed.
        _ = client.shutdown()
    }

    /// Why no token can be verified; nil once keys have been read.
    var fault: String? { state.withLock { $0.hasKeys ? nil : $0.lastFault ?? "its keys haven't been read yet" } }

    /// Where fetches are counted.
    func measure(with factory: any MetricsFactory) {
        let fetches = CounterFamily<Outcome>("sluice_key_fetches_total", by: "outcome", factory: factory)
        state.withLock { $0.fetches = fetches }
    }

    /// The keys that may be a token's.
    /// - Throws: `AuthorizerUnavailable` while none was ever read.
    func keys(for token: CompactToken) async throws(APIError) -> [VerificationKey] {
        let answer = state.withLock { state in
            let hasKey = state.keys.contains { key in
                token.keyIdentifier == nil || key.identifier == nil || key.identifier == token.keyIdentifier
            }
            return state.schedule.asked(hasKey: hasKey, now: now())
        }
        switch answer {
        case .useKnown: break
        case .fetchMeanwhile: startFetch()
        case .waitForFetch: await fetchEnded()
        case .fetchFirst:
            startFetch()
            await fetchEnded()
        }
        let (keys, hasKeys) = state.withLock { ($0.keys, $0.hasKeys) }
        guard hasKeys else { throw .authorizerUnavailable }
        return keys
    }

    /// Fetches for the first time, so that what is configured wrongly is said at start.
    func begin() async {
        guard state.withLock({ $0.schedule.asked(hasKey: false, now: now()) }) == .fetchFirst else { return }
        startFetch()
        await fetchEnded()
    }

    /// In a task of its own: whoever asked first may leave before it has ended, and others wait for it.
    private func startFetch() {
        // A task of its own: see above.
        Task {
            let result: Result<FetchedKeys, KeySourceError>
            do throws(KeySourceError) {
                result = .success(try await source.fetch { url throws(KeySourceError) in try await get(url) })
            } catch {
                result = .failure(error)
            }
            ended(result)
        }
    }

    private func fetchEnded() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.schedule.isFetching { state.waiters.append(continuation) }
                return !state.schedule.isFetching
            }
            if isOver { continuation.resume() }
        }
    }

    private func ended(_ result: Result<FetchedKeys, KeySourceError>) {
        let now = now()
        let waiters = state.withLock { state in
            switch result {
            case .success(let fetched):
                state.keys = fetched.keys
                state.hasKeys = true
                state.lastFault = nil
                state.schedule.fetched(freshFor: fetched.freshNanoseconds, now: now)
                state.fetches?.increment(.succeeded)
            case .failure(let error):
                state.lastFault = error.reason
                state.schedule.failed(jitter: .random(in: 0...1), now: now)
                state.fetches?.increment(.failed)
            }
            defer { state.waiters = [] }
            return state.waiters
        }
        switch result {
        case .success(let fetched):
            logger.write(.info, "Read the issuer's keys", ["from": "\(source.shown)", "keys": "\(fetched.keys.count)"])
        case .failure(let error):
            logger.write(
                .warning,
                "The issuer's keys can't be read; those that were read before stay",
                ["from": "\(source.shown)", "reason": "\(error.reason)"]
            )
        }
        for waiter in waiters { waiter.resume() }
    }

    private func get(_ url: String) async throws(KeySourceError) -> FetchedDocument {
        do {
            var request = HTTPClientRequest(url: url)
            request.headers = ["accept": "application/json"]
            let response = try await client.execute(request, timeout: IssuerKeys.timeout)
            guard response.status == .ok else { throw KeySourceError(reason: "it answered \(response.status.code)") }
            let body = try await response.body.collect(upTo: IssuerKeys.maximumBytes)
            return FetchedDocument(
                bytes: Array(body.readableBytesView),
                freshNanoseconds: FetchedDocument.freshNanoseconds(response.headers.first(name: "cache-control"))
            )
        } catch let error as KeySourceError {
            throw error
        } catch {
            throw KeySourceError(reason: "\(error)")
        }
    }
}

import Logging
import SluiceCore
import TestSupport
import Testing

@testable import Gateway

@Suite("WebhookAuthorizer")
struct WebhookAuthorizerTests {
    private func authorizer(
        _ stub: BackEndStub,
        clock: HandClock = HandClock(1_800_000_000_000_000_000),
        _ change: (inout WebhookConfiguration) -> Void = { _ in }
    ) throws -> WebhookAuthorizer {
        var configuration = WebhookConfiguration()
        configuration.url = stub.url
        configuration.timeout = .seconds(20)
        change(&configuration)
        return try WebhookAuthorizer(configuration: configuration, logger: Logger(label: "test")) {
            clock.now
        }
    }

    private func error(of body: () async throws -> Void) async -> APIError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? APIError
        }
    }

    @Test("the back end is told about the client, and its answer becomes the grant")
    func connect() async throws {
        try await BackEndStub.run { _ in
            .answer(
                #"{"allow":true,"principal":"alice","subscribe":["orders/#"],"publish":[],"ttlSeconds":60,"expiresInSeconds":600}"#
            )
        } _: { stub in
            let authorizer = try authorizer(stub) { $0.bearerToken = "gateway" }
            let grant = try await authorizer.connect(
                ConnectRequest(
                    token: "t\"1",
                    headers: [("origin", "https://app.example"), ("user-agent", "x")],
                    path: "/ws",
                    query: [("topic", "orders/1"), ("token", "t\"1"), ("topic", "b")],
                    remoteAddress: "10.0.0.7:4711",
                    isWebSocket: true
                )
            )
            #expect(grant.principal == "alice")
            #expect(grant.expiresAtWallNanoseconds == 1_800_000_600_000_000_000)
            #expect(authorizer.decideNow(.subscribe, topic: try Topic("orders/1"), grant: grant) == .allow)
            #expect(
                authorizer.decideNow(.publish, topic: try Topic("orders/1"), grant: grant)
                    == .deny(APIError(.forbidden, "'alice' may not publish to the topic 'orders/1'."))
            )
            let expected =
                #"{"action":"connect","webSocket":true,"token":"t\"1","remoteAddress":"10.0.0.7","path":"/ws","#
                + #""query":[{"name":"topic","value":"orders/1"},{"name":"topic","value":"b"}],"#
                + #""headers":[{"name":"origin","value":"https://app.example"}]}"#
            #expect(stub.asked.map(\.json) == [expected])
            #expect(stub.asked.map(\.authorization) == ["Bearer gateway"])
        }
    }

    @Test("what the grant leaves open is asked for each topic, once as long as the answer is good")
    func topics() async throws {
        try await BackEndStub.run { question in
            question.contains("connect")
                ? .answer(#"{"allow":true,"principal":"bob","subscribe":[]}"#)
                : .answer(#"{"allow":\#(question.contains("good")),"ttlSeconds":5,"reason":"no such luck"}"#)
        } _: { stub in
            let clock = HandClock(1_800_000_000_000_000_000)
            let authorizer = try authorizer(stub, clock: clock)
            let grant = try await authorizer.connect(ConnectRequest(token: "t", isWebSocket: true))
            let (good, bad) = (try Topic("good"), try Topic("bad"))
            guard case .deny? = authorizer.decideNow(.subscribe, topic: good, grant: grant) else {
                Issue.record("an empty list leaves something open")
                return
            }
            #expect(authorizer.decideNow(.publish, topic: good, grant: grant) == nil)
            try await authorizer.authorize(.publish, topic: good, grant: grant)
            #expect(authorizer.decideNow(.publish, topic: good, grant: grant) == .allow)
            let refusal = APIError(.forbidden, "no such luck")
            #expect(await error { try await authorizer.authorize(.publish, topic: bad, grant: grant) } == refusal)
            #expect(authorizer.decideNow(.publish, topic: bad, grant: grant) == .deny(refusal))
            #expect(stub.asked.count == 3)
            #expect(stub.asked.last?.json == #"{"action":"publish","topic":"bad","principal":"bob","token":"t"}"#)
            clock.advance(seconds: 5)
            #expect(authorizer.decideNow(.publish, topic: good, grant: grant) == nil)
            try await authorizer.authorize(.publish, topic: good, grant: grant)
            #expect(stub.asked.count == 4)
        }
    }

    @Test("an HTTP request's grant is kept no longer than the answer, and its path makes no question of its own")
    func httpRequests() async throws {
        try await BackEndStub.run { _ in
            .answer(#"{"allow":true,"ttlSeconds":30,"expiresInSeconds":600}"#)
        } _: { stub in
            let authorizer = try authorizer(stub)
            for number in 0..<3 {
                let grant = try await authorizer.connect(
                    ConnectRequest(token: "t", path: "/topics/\(number)", remoteAddress: "[::1]:\(4_000 + number)")
                )
                #expect(grant.expiresAtWallNanoseconds == 1_800_000_600_000_000_000)
                #expect(grant.reusableUntilWallNanoseconds == 1_800_000_030_000_000_000)
                #expect(grant.asksFor == [.subscribe, .publish])
            }
            #expect(stub.asked.count == 1)
        }
    }

    @Test("equal questions at the same time share one request")
    func sharing() async throws {
        let (gate, opener) = AsyncStream<Void>.makeStream()
        let (arrivals, arrived) = AsyncStream<Void>.makeStream()
        try await BackEndStub.run { _ in
            arrived.yield()
            for await _ in gate { break }
            return .answer(#"{"allow":true,"ttlSeconds":60}"#)
        } _: { stub in
            let authorizer = try authorizer(stub)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<200 {
                    group.addTask { _ = try await authorizer.connect(ConnectRequest(token: "same", isWebSocket: true)) }
                }
                for await _ in arrivals { break }
                opener.finish()
                try await group.waitForAll()
            }
            #expect(stub.asked.count == 1)
        }
    }

    @Test("a refusal is forbidden with a token and unauthorized without", arguments: ["t", nil])
    func refused(token: String?) async throws {
        try await BackEndStub.run { _ in
            .answer(#"{"allow":false,"reason":"closed\naccount"}"#)
        } _: { stub in
            let authorizer = try authorizer(stub)
            let error = await error { _ = try await authorizer.connect(ConnectRequest(token: token)) }
            #expect(error == APIError(token == nil ? .unauthorized : .forbidden, #"closed\naccount"#))
        }
    }

    @Test("the statuses 401 and 403 are refusals, of the token and of its owner", arguments: [401, 403])
    func refusingStatus(status: Int) async throws {
        try await BackEndStub.run { _ in
            .status(status, "no")
        } _: { stub in
            let authorizer = try authorizer(stub)
            let code = await error { _ = try await authorizer.connect(ConnectRequest(token: "t")) }?.code
            #expect(code == (status == 401 ? .unauthorized : .forbidden))
        }
    }

    @Test(
        "anything but a proper answer allows nothing, and is asked again",
        arguments: [
            .answer(""), .answer("[]"), .answer("{}"), .answer(#"{"allow":"true"}"#), .answer(#"{"allow":1}"#),
            .answer(#"{"allow":true,"subscribe":"a"}"#), .answer(#"{"allow":true,"publish":["a#"]}"#),
            .answer(#"{"allow":true,"principal":1}"#),
            .answer(#"{"allow":true,"principal":"\#(String(repeating: "a", count: 256))"}"#),
            .answer(#"{"allow":true,"ttlSeconds":-1}"#), .answer(#"{"allow":true,"expiresInSeconds":"1"}"#),
            .answer(#"{"allow":true,"reason":"\#(String(repeating: "x", count: 70_000))"}"#),
            .status(500, #"{"allow":true}"#),
            .status(204, ""), .status(404, ""), .redirect("http://127.0.0.1:1/"), .hangUp,
        ] as [BackEndStub.Reply]
    )
    func failsClosed(reply: BackEndStub.Reply) async throws {
        try await BackEndStub.run { _ in
            reply
        } _: { stub in
            let authorizer = try authorizer(stub)
            for _ in 0..<2 {
                #expect(
                    await error { _ = try await authorizer.connect(ConnectRequest(token: "t")) }?.code
                        == .authorizerUnavailable
                )
            }
            #expect(stub.asked.count >= 2)
        }
    }

    @Test("a back end that says nothing, or isn't there, allows nothing")
    func silent() async throws {
        try await BackEndStub.run { _ in
            .nothing
        } _: { stub in
            let authorizer = try authorizer(stub) { $0.timeout = .milliseconds(100) }
            #expect(
                await error { _ = try await authorizer.connect(ConnectRequest(token: "t")) }?.code
                    == .authorizerUnavailable
            )
        }
        var configuration = WebhookConfiguration()
        configuration.url = "http://127.0.0.1:1/"
        let absent = try WebhookAuthorizer(configuration: configuration, logger: Logger(label: "test"))
        #expect(
            await error { _ = try await absent.connect(ConnectRequest(token: "t")) }?.code == .authorizerUnavailable
        )
    }

    @Test("a grant whose time is over allows nothing, whatever its patterns and the kept answers say")
    func ended() async throws {
        try await BackEndStub.run { question in
            question.contains("connect")
                ? .answer(#"{"allow":true,"subscribe":["a"],"expiresInSeconds":5,"ttlSeconds":60}"#)
                : .answer(#"{"allow":true,"ttlSeconds":60}"#)
        } _: { stub in
            let clock = HandClock(1_800_000_000_000_000_000)
            let authorizer = try authorizer(stub, clock: clock)
            let grant = try await authorizer.connect(ConnectRequest(token: "t", isWebSocket: true))
            let topic = try Topic("a")
            try await authorizer.authorize(.publish, topic: topic, grant: grant)
            #expect(authorizer.decideNow(.publish, topic: topic, grant: grant) == .allow)
            #expect(authorizer.decideNow(.subscribe, topic: topic, grant: grant) == .allow)
            clock.advance(seconds: 5)
            for action in TopicAction.allCases {
                #expect(authorizer.decideNow(action, topic: topic, grant: grant) == .deny(.tokenExpired))
                let error = await error { try await authorizer.authorize(action, topic: topic, grant: grant) }
                #expect(error == .tokenExpired)
            }
        }
    }

    @Test("a refusal is kept for seconds, whatever the answer says")
    func refusalsAreForgotten() async throws {
        try await BackEndStub.run { _ in
            .answer(#"{"allow":false,"ttlSeconds":3600}"#)
        } _: { stub in
            let clock = HandClock(1_800_000_000_000_000_000)
            let authorizer = try authorizer(stub, clock: clock)
            for seconds: UInt64 in [0, 9, 1] {
                clock.advance(seconds: seconds)
                #expect(
                    await error { _ = try await authorizer.connect(ConnectRequest(token: "t")) }?.code == .forbidden
                )
            }
            #expect(stub.asked.count == 2)
        }
    }

    @Test("a token or a question that is too long is refused before the back end is asked")
    func tooLong() async throws {
        try await BackEndStub.run { _ in
            .answer(#"{"allow":true}"#)
        } _: { stub in
            let authorizer = try authorizer(stub)
            let token = String(repeating: "t", count: WebhookQuestion.maximumTokenBytes)
            _ = try await authorizer.connect(ConnectRequest(token: token))
            #expect(
                await error { _ = try await authorizer.connect(ConnectRequest(token: token + "t")) }?.code
                    == .unauthorized
            )
            let cookie = ("cookie", String(repeating: "\u{1}", count: 12_000))
            #expect(
                await error { _ = try await authorizer.connect(ConnectRequest(token: nil, headers: [cookie])) }?.code
                    == .invalidRequest
            )
            #expect(stub.asked.count == 1)
        }
    }

    @Test("a URL or a limit that can't be used is named at start")
    func configuration() {
        for url in ["", "authorize", "ftp://user:hidden@example.com/", "http:///hidden"] {
            var configuration = WebhookConfiguration()
            configuration.url = url
            let error = #expect(throws: AuthorizerConfigurationError.self, "\(url)") {
                try WebhookAuthorizer(configuration: configuration, logger: Logger(label: "test"))
            }
            #expect(error?.message.contains("hidden") == false)
        }
        var configuration = WebhookConfiguration()
        configuration.url = "http://127.0.0.1:1/"
        configuration.timeout = .zero
        #expect(throws: AuthorizerConfigurationError.self) {
            try WebhookAuthorizer(configuration: configuration, logger: Logger(label: "test"))
        }
    }
}

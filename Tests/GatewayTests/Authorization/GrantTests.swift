import Gateway
import SluiceCore
import Testing

@Suite("Grant and Authorizer")
struct GrantTests {
    /// An embedder's authorizer with nothing but the one method that must be written.
    private struct OnlyConnect: Authorizer {
        func connect(_ request: ConnectRequest) async throws(APIError) -> Grant {
            do throws(TopicError) {
                return Grant(principal: request.token, subscribe: [try TopicPattern("a/+")], asksFor: [.publish])
            } catch {
                throw APIError(error)
            }
        }
    }

    @Test("an authorizer that only connects follows the grant's patterns and forbids what is left open")
    func defaults() async throws {
        let authorizer = OnlyConnect()
        let grant = try await authorizer.connect(ConnectRequest(token: "bob"))
        let topic = try Topic("a/1")
        #expect(authorizer.decideNow(.subscribe, topic: topic, grant: grant) == .allow)
        #expect(authorizer.decideNow(.publish, topic: topic, grant: grant) == nil)
        try await authorizer.authorize(.subscribe, topic: topic, grant: grant)
        await #expect(throws: APIError(.forbidden, "'bob' may not publish to the topic 'a/1'.")) {
            try await authorizer.authorize(.publish, topic: topic, grant: grant)
        }
    }

    @Test("a grant that has ended denies even what its patterns allow")
    func ended() throws {
        let grant = Grant(expiresAtWallNanoseconds: 1, subscribe: [.everything])
        guard case .deny(let error)? = OnlyConnect().decideNow(.subscribe, topic: try Topic("a"), grant: grant) else {
            Issue.record("it is allowed")
            return
        }
        #expect(error.code == .tokenExpired)
    }

    @Test("allow-all allows everything at once")
    func allowAll() async throws {
        let grant = try await AllowAllAuthorizer().connect(ConnectRequest(token: nil))
        for action in TopicAction.allCases {
            #expect(AllowAllAuthorizer().decideNow(action, topic: try Topic("a/b"), grant: grant) == .allow)
        }
    }

    @Test("a grant's description doesn't show its token")
    func description() {
        #expect(!"\(Grant(principal: "a", token: "s3cret"))".contains("s3cret"))
    }

    @Test("the token comes from the Authorization field, else from the query")
    func token() {
        #expect(ConnectRequest.bearerToken(authorization: "Bearer abc") == "abc")
        #expect(ConnectRequest.bearerToken(authorization: "bearer  abc") == "abc")
        #expect(ConnectRequest.bearerToken(authorization: "Basic abc", query: [("token", "x")]) == "x")
        #expect(ConnectRequest.bearerToken(authorization: "Basic abc") == nil)
        #expect(ConnectRequest.bearerToken(authorization: "Bearer") == nil)
        #expect(ConnectRequest.bearerToken(authorization: nil, query: [("topic", "t"), ("access_token", "x")]) == "x")
        #expect(ConnectRequest.bearerToken(authorization: nil, query: [("token", ""), ("token", "y")]) == "y")
        #expect(ConnectRequest.bearerToken(authorization: nil) == nil)
    }
}

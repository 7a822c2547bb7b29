import NIOHTTP1
import SluiceCore
import Testing

@testable import Gateway

/// Goal: fields, paths, queries and messages are split and told apart at their bytes: a separator with a combining mark behind it still
/// separates, and what only looks like a name is another one.
@Suite("Text from outside")
struct OutsideTextTests {
    @Test("a list field is split at commas and its elements are compared as ASCII")
    func fields() {
        let headers: HTTPHeaders = ["upgrade": " h2c ,\tWebSocket,,\u{301}x , "]
        #expect(headers.elements(of: "Upgrade") == ["h2c", "WebSocket", "\u{301}x"])
        func isAsked(_ upgrade: String) -> Bool {
            let headers: HTTPHeaders = ["connection": "keep-alive, Upgrade", "upgrade": upgrade]
            return WebSocketHandshake.isAsked(
                by: HTTPRequestHead(version: .http1_1, method: .GET, uri: "/ws", headers: headers)
            )
        }
        #expect(isAsked("WEBSOCKET"))
        // U+212A is "k" in lower case to Unicode, not to HTTP.
        #expect(!isAsked("websoc\u{212A}et"))
    }

    @Test("the token is what stands behind the scheme and its spaces")
    func bearer() {
        #expect(ConnectRequest.bearerToken(authorization: "BEARER  \u{301}abc") == "\u{301}abc")
        #expect(ConnectRequest.bearerToken(authorization: "Bearer\u{301} abc") == nil)
        #expect(ConnectRequest.bearerToken(authorization: nil, query: [("to\u{212A}en", "x"), ("token", "y")]) == "y")
    }

    @Test("a query is split at '&' and '=', whatever follows them")
    func query() {
        let items = RequestTarget.queryItems(of: "/ws?a=\u{301}b&\u{301}c=d&e#f")
        #expect(items.map { ByteString($0.name) } == ["a", "\u{301}c", "e"])
        #expect(items.map { ByteString($0.value) } == ["\u{301}b", "d", ""])
    }

    @Test("a path is split at slashes, whatever follows them")
    func paths() throws {
        let item = try #require(ItemPath(path: "/tables/\u{301}t/items/\u{301}k"))
        #expect(item.encodedTable == "\u{301}t")
        #expect(item.encodedKey == "\u{301}k")
        #expect(try TopicPath(path: "/topics/\u{301}a/records") == .records(Topic("\u{301}a")))
        #expect(try TopicPath(path: "/topics/a/records\u{301}") == .head(Topic("a/records\u{301}")))
    }

    @Test("a grant isn't one for what looks alike")
    func grants() throws {
        let grant = Grant(subscribe: [try TopicPattern("users/\u{212A}ate/#"), try TopicPattern("rooms/+")])
        #expect(grant.allows(.subscribe, try Topic("users/\u{212A}ate/inbox")))
        #expect(!grant.allows(.subscribe, try Topic("users/Kate/inbox")))
        #expect(!grant.allows(.subscribe, try Topic("rooms/1/\u{20E3}")))
    }

    @Test("a message's members and actions are told apart by their bytes")
    func messages() throws {
        func isPing(_ text: String) throws -> Bool {
            try MessageMembers(Array(text.utf8)).action?.byteString == "ping"
        }
        #expect(try isPing(#"{"\u0061ction":"p\u0069ng"}"#))
        #expect(try !isPing("{\"action\":\"pin\u{67}\u{301}\"}"))
        #expect(try MessageMembers(Array("{\"action\u{301}\":\"ping\"}".utf8)).action == nil)
    }
}

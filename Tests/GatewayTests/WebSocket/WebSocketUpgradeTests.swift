import FanOut
import NIOHTTP1
import SluiceCore
import Testing

@testable import Gateway

@Suite("WebSocketUpgrade")
struct WebSocketUpgradeTests {
    private let field = "Sec-WebSocket-Protocol"

    @Test("answers with the subprotocol that it speaks, or with none")
    func subprotocols() throws {
        let harness = WebSocketHarness()
        #expect(try harness.connect(fields: [(field, "sluice.v1")]).headers[field] == ["sluice.v1"])
        #expect(try harness.connect(fields: [(field, "mqtt, sluice.v1")]).headers[field] == ["sluice.v1"])
        #expect(try harness.connect(fields: [(field, "mqtt"), (field, "sluice.v1")]).headers[field] == ["sluice.v1"])
        #expect(try harness.connect().headers.isEmpty)
        let client = try harness.connect()
        #expect(client.texts().count == 1)
    }

    private static let refusals: [(uri: String, fields: [(String, String)], code: APIErrorCode)] = [
        ("/ws", [("Sec-WebSocket-Protocol", "mqtt, graphql-ws")], .unsupportedSubprotocol), ("/other", [], .notFound),
        ("/ws/", [], .notFound), ("/ws?topic=", [], .invalidTopic), ("/ws?topic=a%2Bb", [], .invalidTopic),
        ("/ws?topic=\(String(repeating: "t", count: 401))", [], .invalidTopic),
        ("/ws?topic=a&after=x", [], .invalidRequest),
        ("/ws?topic=a&after=1&after=2", [], .invalidRequest), ("/ws?binary=raw", [], .invalidRequest),
        ("/ws?topic=a&topic=b&topic=c", [], .tooManySubscriptions),
    ]

    @Test("refuses what it can't serve before the upgrade", arguments: refusals.indices)
    func refuses(index: Int) throws {
        let (uri, fields, code) = Self.refusals[index]
        let harness = WebSocketHarness { $0.subscriptionsPerConnection = 2 }
        let error = #expect(throws: APIError.self) { try harness.connect(uri, fields: fields) }
        #expect(error?.code == code)
    }

    @Test("serves no echo unless asked to")
    func echoIsOff() throws {
        let harness = WebSocketHarness { $0.isEchoEnabled = false }
        let error = #expect(throws: APIError.self) { try harness.connect("/echo") }
        #expect(error?.code == .notFound)
    }

    @Test("asks the authorizer for the connect and for the URL's topics")
    func authorization() throws {
        let refusing = WebSocketHarness(authorizer: FixedAuthorizer(Grant(), refusal: .tokenMissing))
        #expect(throws: APIError.tokenMissing) { try refusing.connectAsynchronously() }
        let pattern = try TopicPattern("orders/+")
        let harness = WebSocketHarness(
            authorizer: FixedAuthorizer(Grant(principal: "ann", subscribe: [pattern], asksFor: [.subscribe]))
        )
        let error = #expect(throws: APIError.self) { try harness.connectAsynchronously("/ws?topic=users/1") }
        #expect(error?.code == .forbidden)
        let client = try harness.connectAsynchronously("/ws?topic=orders/1&topic=open/2")
        harness.commitRegistry()
        #expect(
            client.texts().last
                == #"{"type":"subscribed","topics":[{"topic":"orders/1","sequence":0},{"topic":"open/2","sequence":0}],"epoch":"000000000000000e"}"#
        )
        #expect(harness.registry.events.first == "connected ann")
    }

    @Test("forgets an accepted upgrade that never came")
    func forgets() throws {
        let harness = WebSocketHarness()
        try harness.accept("/ws")
        #expect(harness.loop?.upgrades.count == 1)
        harness.advance(seconds: 31)
        try harness.accept("/ws")
        #expect(harness.loop?.upgrades.count == 1)
    }

    @Test("pairs the URL's topics with what the client knows of them")
    func parameters() throws {
        let parameters = try ConnectParameters([
            ("topic", "a"), ("after", "17"), ("topic", "b"), ("after", ""), ("topic", "a"), ("topic", "c"),
            ("binary", "frames"),
            ("token", "secret"),
        ])
        #expect(parameters.entries.map(\.topic.name) == ["a", "b", "c"])
        #expect(parameters.entries.map(\.after) == [SequenceNumber(17), nil, nil])
        #expect(parameters.encoding == .frames)
    }
}

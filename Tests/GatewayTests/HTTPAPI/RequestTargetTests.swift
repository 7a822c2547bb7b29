import SluiceCore
import Testing

@testable import Gateway

@Suite("RequestTarget")
struct RequestTargetTests {
    @Test(
        "the rest of the path is the topic",
        arguments: [
            ("/topics/orders/42", "orders/42"), ("/topics/a?x=1", "a"), ("/topics/a%2Fb", "a/b"),
            ("/topics/%C3%A4", "ä"),
            ("/topics/ä", "ä"), ("http://host:80/topics/a/b?c", "a/b"), ("/topics/a/", "a/"), ("/topics//a", "/a"),
            ("/topics/a%3Fb", "a?b"), ("/topics/records", "records"),
        ]
    )
    func topics(uri: String, topic: String) throws {
        #expect(PublishTarget(uri: uri) == .topic(try Topic(topic)))
    }

    @Test("the batch is /topics itself", arguments: ["/topics", "/topics?x=1", "http://a/topics"])
    func batch(uri: String) { #expect(PublishTarget(uri: uri) == .batch) }

    @Test(
        "other paths are somebody else's",
        arguments: ["/", "", "/topic", "/topicsx/a", "/tables/t/items/k", "*", "http://a", "a:b"]
    )
    func others(uri: String) { #expect(PublishTarget(uri: uri) == nil) }

    @Test(
        "a path that names no topic is told so",
        arguments: ["/topics/", "/topics/%", "/topics/%zz", "/topics/%E2%82", "/topics/\u{FFFD}"]
    )
    func invalid(uri: String) throws {
        guard case .invalid(let error)? = PublishTarget(uri: uri) else {
            Issue.record("\(uri) was taken")
            return
        }
        #expect(error.code == .invalidTopic)
    }

    @Test("query items are decoded as forms encode them")
    func query() {
        let items = RequestTarget.queryItems(of: "/ws?topic=a%2Fb&topic=c+d&flag&x=1=2&bad=%zz%F#end")
        #expect(items.map(\.name) == ["topic", "topic", "flag", "x", "bad"])
        #expect(items.map(\.value) == ["a/b", "c d", "", "1=2", "%zz%F"])
        #expect(RequestTarget.queryItems(of: "/ws").isEmpty)
    }

    @Test("empty query items count for nothing, others up to a number and a length")
    func queryLimits() throws {
        func isRefused(_ query: String) -> Bool {
            do throws(APIError) {
                try RequestTarget.checkQuery(of: "/ws?" + query)
                return false
            } catch {
                return error.code == .invalidRequest
            }
        }
        func items(_ count: Int, _ item: String) -> String {
            Array(repeating: item, count: count).joined(separator: "&")
        }
        #expect(!isRefused(String(repeating: "&", count: 15_000)))
        #expect(!isRefused(items(64, "a=1")))
        #expect(isRefused(items(65, "a")))
        #expect(!isRefused(items(1_000, "topic=a&after=1")))
        #expect(!isRefused(items(1_000, "topic=a&after=1") + "&" + items(64, "a")))
        #expect(isRefused(items(1_001, "topic=a&after=1")))
        let long = String(repeating: "x", count: 2_048)
        #expect(isRefused("a=" + long))
        #expect(!isRefused("token=" + long + "&access_token=" + long))
        #expect(!isRefused("a#" + items(100, "a") + long))
    }

    @Test("an item's path splits at its first and third level, and the key keeps its slashes")
    func items() throws {
        let path = try #require(ItemPath(path: "/tables/or%64ers/items/a/b%2Fc"))
        #expect(try path.table == "orders")
        #expect(try path.key == "a/b/c")
        #expect(ItemPath(path: "/tables/t/item/k") == nil)
        #expect(ItemPath(path: "/tables/t") == nil)
        #expect(throws: APIError.self) { try ItemPath(path: "/tables//items/k")?.table }
        #expect(throws: APIError.self) { try ItemPath(path: "/tables/t/items/")?.key }
        #expect(throws: APIError.self) { try ItemPath(path: "/tables/t/items/%0A")?.key }
        #expect(throws: APIError.self) {
            try ItemPath(path: "/tables/t/items/" + String(repeating: "k", count: 256))?.key
        }
    }

    @Test("a topic's path asks for its history or its head")
    func topicPaths() throws {
        #expect(try TopicPath(path: "/topics/a/b/records") == .records(Topic("a/b")))
        #expect(try TopicPath(path: "/topics/a/b/stream") == .stream(Topic("a/b")))
        #expect(try TopicPath(path: "/topics/a/b/stream/stream") == .stream(Topic("a/b/stream")))
        #expect(try TopicPath(path: "/topics/a/b") == .head(Topic("a/b")))
        #expect(try TopicPath(path: "/topics/records") == .head(Topic("records")))
        #expect(throws: APIError.self) { try TopicPath(path: "/topics//records") }
    }
}

import ChangeQueue
import NIOCore
import NIOEmbedded
import SluiceCore
import Testing

@testable import Gateway

@Suite("AppendBridge")
struct AppendBridgeTests {
    private final class Connection: LaterFlushing {
        var flushes = 0
        func flushNow() { flushes += 1 }
    }

    private let loop = EmbeddedEventLoop()
    private let log = LogStandIn()

    private func bridge() -> AppendBridge {
        AppendBridge(eventLoop: loop) { [log] requests, client in log.take(requests, client) }
    }

    private func request(_ topic: String) throws -> AppendRequest {
        .records([RecordDraft(topic: try Topic(topic), payload: [], acceptedAtNanoseconds: 0)])
    }

    @Test("the appends of one turn are one submission, those of the next another")
    func turns() throws {
        let bridge = bridge()
        for topic in ["a", "b"] { bridge.append(try request(topic)) { _ in } }
        #expect(log.submissions.isEmpty)
        loop.run()
        bridge.append(try request("c")) { _ in }
        loop.run()
        #expect(log.submissions == [2, 1])
        #expect(log.drafts.map(\.topic.name) == ["a", "b", "c"])
    }

    @Test("each outcome reaches its own completion, once, and a slot is used again")
    func completions() throws {
        let bridge = bridge()
        var completed: [String] = []
        for topic in ["a", "b", "c"] { bridge.append(try request(topic)) { _ in completed.append(topic) } }
        loop.run()
        let tokens = log.takeAll().map(\.token)
        bridge.completed([tokens[2], tokens[0], tokens[2], 99].map { AppendOutcome(token: $0, result: .success([])) })
        loop.run()
        #expect(completed == ["c", "a"])
        bridge.append(try request("d")) { _ in completed.append("d") }
        loop.run()
        #expect(tokens.contains(try #require(log.takeAll().first?.token)))
    }

    @Test("a connection is flushed once after all outcomes of a commit")
    func flushes() throws {
        let bridge = bridge()
        let connection = Connection()
        for index in 0..<2 {
            bridge.append(try request("a")) { _ in
                #expect(connection.flushes == 0)
                if index == 0 { bridge.flushLater(connection) }
            }
        }
        loop.run()
        bridge.completed(log.takeAll().map { AppendOutcome(token: $0.token, result: .success([])) })
        loop.run()
        #expect(connection.flushes == 1)
        bridge.flushLater(connection)
        #expect(connection.flushes == 1)
        loop.run()
        #expect(connection.flushes == 2)
    }

    @Test("a completion may append again")
    func nested() throws {
        let bridge = bridge()
        let next = try request("b")
        bridge.append(try request("a")) { _ in bridge.append(next) { _ in } }
        loop.run()
        bridge.completed(log.takeAll().map { AppendOutcome(token: $0.token, result: .success([])) })
        loop.run()
        #expect(log.drafts.map(\.topic.name) == ["b"])
    }
}

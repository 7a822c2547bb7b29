import NIOCore
import NIOEmbedded
import NIOHTTP1
import SluiceCore
import Testing

@testable import Gateway

/// Asking before reading: what is decided by a publish's head alone.
@Suite("A publish's head")
struct PublishAdmissionTests {
    private static func harness(
        limits: HTTPLimits = HTTPLimits(),
        _ patterns: [String] = ["open/#"]
    ) throws -> PublishHarness {
        let harness = try PublishHarness(
            limits: limits,
            authorizer: FixedAuthorizer(Grant(publish: try patterns.map(TopicPattern.init)))
        )
        return harness
    }

    /// The authorizer has answered for this token.
    private static func known(_ harness: PublishHarness) throws {
        let grant = Grant(publish: [try TopicPattern("open/#")])
        harness.handler.grants.keep(
            grant,
            for: GrantKey(.token, .init(version: .http1_1, method: .POST, uri: "/")),
            wallNanoseconds: StageClock.wallNanoseconds()
        )
    }

    @Test("a forbidden topic is refused before its body, which is read past while it is small")
    func readsPast() throws {
        let harness = try Self.harness()
        try Self.known(harness)
        try harness.send("POST /topics/shut HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n")
        #expect(harness.statuses == [403])
        try harness.send("0123456789" + PublishHarness.publish("open/a"))
        harness.commit()
        #expect(harness.statuses == [403, 202])
        #expect(harness.isOpen)
    }

    @Test(
        "a large body, one of unknown length, or one that waits for leave, is not read: the connection closes",
        arguments: ["content-length: 65537", "transfer-encoding: chunked", "content-length: 2\r\nexpect: 100-continue"]
    )
    func closes(fields: String) throws {
        let harness = try Self.harness()
        try Self.known(harness)
        try harness.send("POST /topics/shut HTTP/1.1\r\nhost: a\r\n\(fields)\r\n\r\n")
        #expect(harness.statuses == [403])
        #expect(harness.output.contains("connection: close\r\n"))
        harness.advance(by: .seconds(3))
        #expect(!harness.isOpen)
    }

    @Test(
        "two Authorization fields are no request, on whatever path",
        arguments: ["POST /topics/a", "POST /topics", "GET /x"]
    )
    func twoAuthorizations(line: String) throws {
        let harness = try PublishHarness()
        try harness.send(
            "\(line) HTTP/1.1\r\nhost: a\r\nauthorization: Bearer a\r\nAuthorization: Bearer b\r\ncontent-length: 0\r\n\r\n"
        )
        #expect(harness.statuses == [400])
        #expect(harness.codes == ["InvalidRequest"])
        #expect(harness.router.paths.isEmpty)
    }

    @Test(
        "a request for another's host is misdirected, one for none or two is no request",
        arguments: [
            ("host: evil.example\r\n", 421), ("", 400), ("host: a\r\nhost: a\r\n", 400), ("host: a b\r\n", 400),
            ("host: localhost:80\r\n", 200),
        ]
    )
    func hosts(fields: String, status: Int) throws {
        let harness = try PublishHarness(hosts: AllowedHosts(nil, listenHost: "127.0.0.1"))
        try harness.send("GET /healthz HTTP/1.1\r\n\(fields)\r\n")
        if status == 200 { harness.route("ok") }
        #expect(harness.statuses == [status])
        if status == 421 { #expect(harness.codes == ["MisdirectedRequest"]) }
    }

    @Test("the host of a target in absolute form counts")
    func absoluteForm() throws {
        let harness = try PublishHarness(hosts: AllowedHosts(nil, listenHost: "127.0.0.1"))
        try harness.send("GET http://evil.example/healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        #expect(harness.statuses == [421])
    }

    @Test("a plain publish with another host than the last is looked at")
    func plainHost() throws {
        let harness = try ReaderHarness(reads: true, hosts: AllowedHosts(nil, listenHost: "127.0.0.1"))
        let publish = "POST /topics/a HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{}"
        harness.send(publish)
        harness.answer()
        harness.send(publish + publish.replacing("localhost", with: "evil.example"))
        harness.answer()
        #expect(harness.statuses == [202, 202, 421])
    }

    @Test("bodies that aren't complete share one budget; beyond it the newest is refused")
    func unfinishedBodies() throws {
        var limits = HTTPLimits()
        limits.unfinishedBytes = 10
        let harness = try PublishHarness(limits: limits)
        try harness.send("POST /topics/a HTTP/1.1\r\nhost: a\r\ncontent-length: 20\r\n\r\n12345678")
        #expect(harness.budgets.unfinished.heldBytes == 8)
        try harness.send("9012")
        #expect(harness.statuses == [503])
        #expect(harness.codes == ["Overloaded"])
        #expect(harness.budgets.unfinished.heldBytes == 0)
        // What comes complete needs no room.
        let other = try PublishHarness(limits: limits)
        try other.publish("a")
        other.commit()
        #expect(other.statuses == [202])
    }

    @Test("what comes before the first head is complete shares one budget")
    func unauthenticated() throws {
        var limits = HTTPLimits()
        limits.unauthenticatedBytes = 100
        let harness = try ReaderHarness(reads: true, limits: limits)
        harness.send("GET /x HTTP/1.1\r\nhost: a\r\n")
        harness.send("x: " + String(repeating: "x", count: 100))
        #expect(harness.statuses == [503])
        harness.advance(by: .seconds(3))
        #expect(!harness.isOpen)
    }
}

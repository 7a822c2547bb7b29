import NIOCore
import SluiceCore
import Testing

@testable import Gateway

/// What a request's head must be, whoever would get it.
@Suite("HeadRules")
struct HeadRulesTests {
    @Test(
        "a body whose end isn't clear is refused and the connection closed",
        arguments: [
            ("gzip, chunked", 501), ("identity, chunked", 501), ("identity\r\ntransfer-encoding: chunked", 501),
            ("identity", 400),
            ("xchunked", 400), ("chunked;q=1", 400), ("\"chunked\"", 400), ("chunked, gzip", 400),
            ("chunked, chunked", 400),
            ("chunked\r\ntransfer-encoding: chunked", 400), ("chunked\r\ncontent-length: 5", 400), ("gzip", 400),
            (",", 400),
        ]
    )
    func transferEncoding(coding: String, status: Int) throws {
        for line in ["GET /x", "POST /topics/a", "PUT /x", "POST /topics"] {
            let harness = try PublishHarness()
            try? harness.send(
                "\(line) HTTP/1.1\r\nhost: a\r\ntransfer-encoding: \(coding)\r\n\r\n0\r\n\r\n"
                    + PublishHarness.get("/never")
            )
            #expect(harness.statuses == [status], "\(line)")
            #expect(harness.output.contains("connection: close\r\n"))
            #expect(harness.router.paths.isEmpty)
            harness.advance(by: .seconds(3))
            #expect(!harness.isOpen)
        }
    }

    @Test("chunked alone is known, in whatever case, but not in HTTP/1.0")
    func chunked() throws {
        for coding in ["chunked", "Chunked", "chunked ", "\tCHUNKED"] {
            let harness = try PublishHarness()
            try harness.send(
                "POST /topics/a HTTP/1.1\r\nhost: a\r\ntransfer-encoding: \(coding)\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
            )
            harness.commit()
            #expect(harness.statuses == [202], "\(coding)")
        }
        let old = try PublishHarness()
        try? old.send("POST /topics/a HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")
        #expect(old.statuses == [400])
    }

    @Test("two content types are none", arguments: ["POST /topics/a", "PUT /x"])
    func contentTypes(line: String) throws {
        let harness = try PublishHarness()
        try harness.send(
            "\(line) HTTP/1.1\r\nhost: a\r\ncontent-type: a/b\r\ncontent-type: a/b\r\ncontent-length: 0\r\n\r\n"
        )
        #expect(harness.statuses == [400])
    }

    @Test("white space behind a value belongs to its line")
    func whiteSpace() throws {
        let harness = try PublishHarness()
        try harness.send(PublishHarness.publish("a", fields: "content-type: text/plain \t \r\n", body: "x"))
        #expect(harness.log.drafts.map(\.contentType.value) == ["text/plain"])
        harness.commit()
        let upgrade = "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ== \r\n"
        try harness.send("GET /ws HTTP/1.1\r\nhost: a \r\n\(upgrade)sec-websocket-version: 13\t\r\n\r\n")
        #expect(harness.statuses == [202, 101])
        #expect(ConnectRequest.bearerToken(authorization: "Bearer tok \t") == "tok")
        #expect(" \t".trimmed.isEmpty && "a b".trimmed == "a b")
    }

    @Test("a HEAD that is refused has no body in its answer")
    func head() throws {
        let harness = try PublishHarness()
        try harness.send("HEAD /x HTTP/1.1\r\n\r\n")
        #expect(harness.statuses == [400])
        #expect(harness.output.hasSuffix("\r\n\r\n"))
    }
}

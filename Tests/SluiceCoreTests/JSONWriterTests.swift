import SluiceCore
import Testing

@Suite("JSONWriter")
struct JSONWriterTests {
    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test("members and elements are separated, containers nest, and the order is the writer's")
    func nesting() {
        let json = JSONWriter.object { json in
            json.member("b", 1)
            json.name("list")
            json.array { json in
                json.array { _ in }
                json.object { $0.member("x", true) }
                json.null()
                json.value("s")
            }
            json.name("raw")
            json.raw("[1]".utf8)
            json.member("a", 650.1)
            json.member("none", nil as String?)
        }
        #expect(text(json) == #"{"b":1,"list":[[],{"x":true},null,"s"],"raw":[1],"a":650.1,"none":null}"#)
        #expect(JSONText.isValid(json))
    }

    @Test("names and strings are escaped, and what stood in the memory before stays")
    func escapes() {
        var json = JSONWriter(behind: Array("head".utf8))
        json.object { $0.member("a\"b", "c\n\\") }
        #expect(text(json.bytes) == #"head{"a\"b":"c\n\\"}"#)
    }

    @Test("a payload is spliced in, quoted, or written in base64")
    func payloads() {
        var usesBase64: [Bool] = []
        let json = JSONWriter.object { json in
            for (name, type) in [("j", ContentType.json), ("t", .text), ("b", .binary)] {
                json.name(name)
                usesBase64.append(json.payload(Array("[1]".utf8), type))
            }
        }
        #expect(text(json) == #"{"j":[1],"t":"[1]","b":"WzFd"}"#)
        #expect(usesBase64 == [false, false, true])
    }
}

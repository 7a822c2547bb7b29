import SluiceCore
import Testing

@Suite struct JSONTextTests {
    @Test(
        "valid JSON is accepted",
        arguments: [
            "{}", "[]", "null", "true", "false", "0", "-0", "1.5e+10", "\"\"", "\"\\u00e9\\n\"",
            " [1 , {\"a\" : [ ] } ] ", "\"☕️\"",
            String(repeating: "[", count: 128) + String(repeating: "]", count: 128), "{\"a\":1,\"a\":2}", "1E5",
            "\"\u{7F}\"",
        ]
    )
    func valid(text: String) { #expect(JSONText.isValid(text.utf8)) }

    @Test(
        "what is not JSON is refused",
        arguments: [
            "", " ", "{", "}", "[1,]", "{\"a\":1,}", "{a:1}", "'a'", "01", "1.", ".5", "+1", "-", "1e", "nul", "tru",
            "\"", "\"\\x\"",
            "\"\\u12g4\"", "\"\n\"", "1 2", "{} {}", "NaN", "[1 2]", "{\"a\" 1}", "{1:2}", "\u{FEFF}{}",
            String(repeating: "[", count: 130) + String(repeating: "]", count: 130),
        ]
    )
    func invalid(text: String) { #expect(!JSONText.isValid(text.utf8)) }

    @Test(
        "bytes that are not UTF-8 are refused inside a string",
        arguments: [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xE2, 0x82]]
    )
    func notUTF8(bytes: [UInt8]) {
        #expect(!JSONText.isValid([UInt8(ascii: "\"")] + bytes + [UInt8(ascii: "\"")]))
    }

    @Test("nesting far deeper than the limit is refused and doesn't exhaust the stack")
    func deep() {
        #expect(!JSONText.isValid([UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)))
    }

    @Test(
        "a string is escaped so that it reads back the same",
        arguments: ["", "plain", "\"quoted\\\"", "a\u{0}\u{1F}\n\t\r", "☕️ é \u{2028}"]
    )
    func escaping(text: String) throws {
        var bytes: [UInt8] = []
        JSONText.appendString(text, to: &bytes)
        #expect(try JSONValue(bytes).string == text)
    }

    @Test("a payload is embedded by its type: JSON as it is, text as a string, binary and broken text as base64")
    func payload() {
        func embedded(_ payload: [UInt8], _ type: ContentType) -> (String, Bool) {
            var bytes: [UInt8] = []
            let base64 = JSONText.appendPayload(payload, type, to: &bytes)
            return (String(decoding: bytes, as: UTF8.self), base64)
        }
        #expect(embedded(Array("{ \"n\": 1.10 }".utf8), .json) == ("{ \"n\": 1.10 }", false))
        #expect(embedded(Array("{}".utf8), ContentType("application/vnd.api+json; v=1")) == ("{}", false))
        #expect(embedded(Array("a \"b\"".utf8), .text) == ("\"a \\\"b\\\"\"", false))
        #expect(embedded([0xFF, 0x00], .text) == ("\"/wA=\"", true))
        #expect(embedded([1, 2, 3], .binary) == ("\"AQID\"", true))
    }

    @Test("random base64 reads back the same and broken base64 is refused")
    func base64() {
        var generator = SystemRandomNumberGenerator()
        for count in 0..<100 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            var text: [UInt8] = []
            Base64.append(bytes, to: &text)
            #expect(Base64.decode(text) == bytes)
        }
        for text in ["A", "AB", "A===", "AB=C", "A*==", "AAAA=AAA", "AB==", "AAB=", "QUJDRB=="] {
            #expect(Base64.decode(Array(text.utf8)) == nil)
        }
    }

    @Test(
        "characters that a terminal obeys or doesn't show are escaped where people read",
        arguments: [
            "\u{7}", "\u{7F}", "\u{9B}", "\u{9D}", "\u{200E}", "\u{200F}", "\u{202A}", "\u{202E}", "\u{2066}",
            "\u{2069}", "\u{61C}",
            "\u{2028}", "\u{2029}", "\u{200B}", "\u{FEFF}", "\u{AD}", "\u{3164}", "\u{E0041}",
        ]
    )
    func escapesForTerminals(character: String) throws {
        let text = "a\(character)b"
        #expect(text.printable.unicodeScalars.allSatisfy { !$0.isUnprintable })
        #expect(text.printable(limit: 80) == text.printable)
        var json: [UInt8] = []
        JSONText.appendString(text, to: &json)
        let shown = JSONText.printable(String(decoding: json, as: UTF8.self))
        #expect(shown.unicodeScalars.allSatisfy { !$0.isUnprintable })
        #expect(try JSONValue(Array(shown.utf8)).string == text)
    }

    @Test("what people can read stays as it is, and cutting counts characters before they are escaped")
    func keepsReadable() {
        let text = "Zo\u{EB} \u{2764}\u{FE0F} e\u{301} \u{4E2D}"
        #expect(text.printable == text)
        #expect(JSONText.printable("{\n\"a\":\"\(text)\"}") == "{\n\"a\":\"\(text)\"}")
        #expect("\u{1}\u{2}abc".printable(limit: 2) == #"\u{01}\u{02}…"#)
    }
}

import SluiceCore
import Testing

@Suite struct JSONValueTests {
    @Test("members and elements are found with their exact bytes")
    func members() throws {
        let text = #" {"action":"publish","n":17,"data": {"a" : [1, 2.50, "x"]},"flag":true,"none":null} "#
        let value = try JSONValue(Array(text.utf8))
        #expect(value.kind == .object)
        #expect(value["action"]?.string == "publish")
        #expect(value["n"]?.unsignedInteger == 17)
        #expect(value["flag"]?.boolean == true)
        #expect(value["none"]?.kind == .null)
        let data = try #require(value["data"])
        #expect(String(decoding: data.bytes, as: UTF8.self) == #"{"a" : [1, 2.50, "x"]}"#)
        let elements = try #require(data["a"]?.elements)
        #expect(elements.map { String(decoding: $0.bytes, as: UTF8.self) } == ["1", "2.50", "\"x\""])
        #expect(value["missing"] == nil)
    }

    @Test("the last of two members with one name counts")
    func duplicateKey() throws {
        #expect(try JSONValue(Array(#"{"a":1,"a":2}"#.utf8))["a"]?.unsignedInteger == 2)
    }

    @Test(
        "escapes are resolved",
        arguments: [
            (#""\u00e9""#, "é"), (#""\ud83d\ude00""#, "😀"), (#""\ud83d""#, "\u{FFFD}"), (#""\ude00x""#, "\u{FFFD}x"),
            (#""a\/b\\\"""#, "a/b\\\""), (#""\ud83d\u0041""#, "\u{FFFD}A"), (#""\b\f\n\r\t""#, "\u{8}\u{C}\n\r\t"),
        ]
    )
    func escapes(text: String, expected: String) throws {
        #expect(try JSONValue(Array(text.utf8)).string == expected)
    }

    @Test(
        "numbers that are not whole, negative or too large are not taken for unsigned integers",
        arguments: ["-1", "1.0", "1e3", "18446744073709551616"]
    )
    func numbers(text: String) throws {
        #expect(try JSONValue(Array(text.utf8)).unsignedInteger == nil)
    }

    @Test("what is not JSON throws InvalidJSON")
    func invalid() {
        #expect { try JSONValue(Array("{".utf8)) } throws: { ($0 as? APIError)?.code == .invalidJSON }
    }
}

import SluiceCore
import Testing

@Suite("JSONMergePatch")
struct JSONMergePatchTests {
    @Test(
        "the examples of RFC 7396, appendix A",
        arguments: [
            (#"{"a":"b"}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
            (#"{"a":"b"}"#, #"{"b":"c"}"#, #"{"a":"b","b":"c"}"#),
            (#"{"a":"b"}"#, #"{"a":null}"#, #"{}"#),
            (#"{"a":"b","b":"c"}"#, #"{"a":null}"#, #"{"b":"c"}"#),
            (#"{"a":["b"]}"#, #"{"a":"c"}"#, #"{"a":"c"}"#),
            (#"{"a":"c"}"#, #"{"a":["b"]}"#, #"{"a":["b"]}"#),
            (#"{"a":{"b":"c"}}"#, #"{"a":{"b":"d","c":null}}"#, #"{"a":{"b":"d"}}"#),
            (#"{"a":[{"b":"c"}]}"#, #"{"a":[1]}"#, #"{"a":[1]}"#),
            (#"["a","b"]"#, #"["c","d"]"#, #"["c","d"]"#),
            (#"{"a":"b"}"#, #"["c"]"#, #"["c"]"#),
            (#"{"a":"foo"}"#, #"null"#, #"null"#),
            (#"{"a":"foo"}"#, #""bar""#, #""bar""#),
            (#"{"e":null}"#, #"{"a":1}"#, #"{"e":null,"a":1}"#),
            (#"[1,2]"#, #"{"a":"b","c":null}"#, #"{"a":"b"}"#),
            (#"{}"#, #"{"a":{"bb":{"ccc":null}}}"#, #"{"a":{"bb":{}}}"#),
        ]
    )
    func appliesExamples(target: String, patch: String, expected: String) throws {
        let result = try JSONMergePatch(Array(patch.utf8)).applied(to: try JSONValue(Array(target.utf8)))
        #expect(String(decoding: result, as: UTF8.self) == expected)
    }

    @Test("bytes that the patch doesn't name stay as they are, and of two equal keys that it names the last one counts")
    func keepsBytes() throws {
        let target = #"{"n":1.50e+3, "s":"\u00e4\/","two":1,"two":2,"dup":1,"dup":2,"k\u0065y":{"a" : 1,"b":2}}"#
        let patch = #"{"x\"y":true,"x\"y":false,"dup":3,"key":{"b":null,"c":{}}}"#
        let result = try JSONMergePatch(Array(patch.utf8)).applied(to: try JSONValue(Array(target.utf8)))
        #expect(
            String(decoding: result, as: UTF8.self)
                == #"{"n":1.50e+3, "s":"\u00e4\/","two":1,"two":2,"dup":3,"k\u0065y":{"a" : 1,"c":{}},"x\"y":false}"#
        )
    }

    @Test("without a target the patch counts as applied to an empty object")
    func withoutTarget() throws {
        let result = try JSONMergePatch(Array(#"{"a":1,"b":null}"#.utf8)).applied(to: nil)
        #expect(String(decoding: result, as: UTF8.self) == #"{"a":1}"#)
    }

    @Test(
        "a member that only looks like the patch's is another one and stays",
        arguments: [
            (#"{"K":1,"x":2}"#, "{\"\u{212A}\":9}", "{\"K\":1,\"x\":2,\"\u{212A}\":9}"),
            ("{\"K\":1,\"\u{212A}\":2}", #"{"y":3}"#, "{\"K\":1,\"\u{212A}\":2,\"y\":3}"),
            ("{\"\u{E9}\":1}", "{\"e\u{301}\":null}", "{\"\u{E9}\":1}"),
            (#"{"\ud800":1,"\udfff":2}"#, #"{"y":3}"#, #"{"\ud800":1,"\udfff":2,"y":3}"#),
        ]
    )
    func comparesBytes(target: String, patch: String, expected: String) throws {
        let result = try JSONMergePatch(Array(patch.utf8)).applied(to: try JSONValue(Array(target.utf8)))
        #expect(result == Array(expected.utf8))
    }

    @Test("a key that is too long or half of a character is refused")
    func refusesKeys() throws {
        let longest = String(repeating: "k", count: Limits.jsonKeyBytes)
        _ = try JSONMergePatch(Array(#"{"\#(longest)":1}"#.utf8))
        for patch in [#"{"a":{"\#(longest)k":1}}"#, #"{"\ud800":1}"#] {
            #expect { try JSONMergePatch(Array(patch.utf8)) } throws: { $0 is JSONError }
        }
    }

    @Test("twice the text costs about twice the time, also where it is nested deep")
    func isLinear() throws {
        func seconds(_ members: Int) throws -> Double {
            let flat = "{" + (0..<members).map { #""k\#($0)":1"# }.joined(separator: ",") + "}"
            let text = Array(
                (String(repeating: #"{"a":"#, count: 119) + flat + String(repeating: "}", count: 119)).utf8
            )
            let clock = ContinuousClock()
            return try (0..<3).map { _ in
                try clock.measure {
                    let result = try JSONMergePatch(text).applied(to: try JSONValue(text))
                    #expect(result.count == text.count)
                } / .seconds(1)
            }.min() ?? 0
        }
        _ = try seconds(100)
        let (one, four) = (try seconds(4_000), try seconds(16_000))
        #expect(four < one * 10, "\(one) s, and for four times the text \(four) s")
        // Depth costs nothing: a level that is read again at each level above it would make this a hundred times as long.
        let flat = Array(("{" + (0..<4_000).map { #""k\#($0)":1"# }.joined(separator: ",") + "}").utf8)
        let clock = ContinuousClock()
        let plain =
            try (0..<3).map { _ in
                try clock.measure { _ = try JSONMergePatch(flat).applied(to: try JSONValue(flat)) } / .seconds(1)
            }.min() ?? 0
        #expect(one < plain * 10, "\(plain) s, and nested \(one) s")
    }
}

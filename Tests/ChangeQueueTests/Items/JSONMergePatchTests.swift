import SluiceCore
import Testing

@testable import ChangeQueue

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
        let result = JSONMergePatch.apply(try JSONValue(Array(patch.utf8)), to: try JSONValue(Array(target.utf8)))
        #expect(String(decoding: result, as: UTF8.self) == expected)
    }

    @Test(
        "bytes that the patch doesn't name stay as they are, and of two equal keys the last one counts"
    )
    func keepsBytes() throws {
        let target = #"{"n":1.50e+3,"s":"\u00e4\/","dup":1,"dup":2}"#
        let result = JSONMergePatch.apply(
            try JSONValue(Array(#"{"x\"y":true,"x\"y":false}"#.utf8)),
            to: try JSONValue(Array(target.utf8))
        )
        #expect(String(decoding: result, as: UTF8.self) == #"{"n":1.50e+3,"s":"\u00e4\/","dup":2,"x\"y":false}"#)
    }

    @Test("without a target the patch counts as applied to an empty object")
    func withoutTarget() throws {
        let result = JSONMergePatch.apply(try JSONValue(Array(#"{"a":1,"b":null}"#.utf8)), to: nil)
        #expect(String(decoding: result, as: UTF8.self) == #"{"a":1}"#)
    }
}

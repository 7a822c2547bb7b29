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
        #expect { try JSONValue(Array("{".utf8)) } throws: { ($0 as? JSONError)?.code == .malformed }
    }

    @Test("an interpreted object may have so many members and keys so long, and what isn't asked for isn't made")
    func limits() throws {
        func object(_ members: Int, key: String = "k") -> [UInt8] {
            Array(("{" + String(repeating: "\"\(key)\":1,", count: members - 1) + "\"topic\":2}").utf8)
        }
        #expect(try JSONValue.members(named: ["topic"], of: object(Limits.jsonMembers))?[0]?.unsignedInteger == 2)
        let escaped = String(repeating: "\\u006b", count: Limits.jsonKeyBytes)
        let longest = String(repeating: "k", count: Limits.jsonKeyBytes)
        for key in [longest, escaped] {
            let value = try JSONValue(object(2, key: key))
            #expect(try value.members(named: [ByteString(longest)])?[0] != nil)
            #expect(try value.members(upTo: 2)?[0].key == ByteString(longest))
            #expect(value[ByteString(longest)] != nil)
        }
        let refused = [object(Limits.jsonMembers + 1), object(2, key: longest + "k"), object(2, key: escaped + "k")]
        for text in refused {
            let isRefused = { (error: any Error) in
                guard let error = error as? JSONError else { return false }
                return [.tooManyMembers, .longKey].contains(error.code) && error.message.contains("the limit")
            }
            #expect { try JSONValue.members(named: ["topic"], of: text) } throws: { isRefused($0) }
            #expect { try JSONValue(text).members(named: ["topic"]) } throws: { isRefused($0) }
            #expect { try JSONValue(text).members(upTo: Limits.jsonMembers) } throws: { isRefused($0) }
        }
        #expect { try JSONValue(Array(#"{"a":1,"\u0061":2}"#.utf8)).members(named: ["a"], isUnique: true) } throws: {
            ($0 as? JSONError)?.code == .duplicateMember
        }
    }

    @Test("an array is read no further than to the first element that is too many")
    func elementsUpTo() throws {
        let value = try JSONValue(Array("[1,[2,\"]\"],{\"a\":[]} , 4]".utf8))
        #expect(
            value.elements(upTo: 2)?.map { String(decoding: $0.bytes, as: UTF8.self) } == [
                "1", #"[2,"]"]"#, #"{"a":[]}"#,
            ]
        )
        #expect(value.elements?.count == 4)
        #expect(try JSONValue(Array("[ ]".utf8)).elements(upTo: 2)?.isEmpty == true)
    }

    @Test(
        "looking for members while checking finds what checking first finds",
        arguments: [
            "{}", " {\"a\" : 1 , \"b\":[{}]} ", "{\"a\":1,}", "{,}", "{\"a\":1 \"b\":2}", "[1]", "{\"a\":01}",
            "{\"a\":1}x", "{", "", "{\"a\":[01,2]}",
        ]
    )
    func onePass(text: String) {
        let bytes = Array(text.utf8)
        let twoPasses = Result { try JSONValue(bytes).members(named: ["a"])?.map { $0.map { Array($0.bytes) } } }
        let onePass = Result { try JSONValue.members(named: ["a"], of: bytes)?.map { $0.map { Array($0.bytes) } } }
        switch (onePass, twoPasses) {
        case (.success(let one), .success(let two)): #expect(one == two)
        case (.failure(let one), .failure(let two)): #expect(one as? JSONError == two as? JSONError)
        default: Issue.record("\(onePass) \(twoPasses)")
        }
    }
}

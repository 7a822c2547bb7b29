import SluiceCore
import Testing

@testable import Gateway

@Suite("BatchRequest")
struct BatchRequestTests {
    private func drafts(_ body: String) throws -> [RecordDraft] {
        try BatchRequest.drafts(Array(body.utf8), 7, payloadBytes: 20)
    }

    @Test("each record's payload is what its type says")
    func payloads() throws {
        let drafts = try drafts(
            #"""
            {"records":[{"topic":"a","data": {"x" : 1} },{"topic":"b/c","data":"h\n","contentType":"text/plain"},
            {"topic":"d","data":"AAE=","contentType":"image/png","encoding":"base64"},{"topic":"e","data":null},
            {"topic":"f","data":"aGk=","contentType":"text/plain","encoding":"base64"}]}
            """#
        )
        #expect(drafts.map(\.topic.name) == ["a", "b/c", "d", "e", "f"])
        #expect(
            drafts.map { String(decoding: $0.payload, as: UTF8.self) } == [
                #"{"x" : 1}"#, "h\n", "\0\u{1}", "null", "hi",
            ]
        )
        #expect(drafts.allSatisfy { $0.acceptedAtNanoseconds == 7 })
    }

    @Test(
        "a faulty batch is refused whole, with the record's index",
        arguments: [
            ("[]", "InvalidRequest", ""), (#"{"records":{}}"#, "InvalidRequest", ""),
            (#"{"records":[]}"#, "InvalidRequest", ""),
            (#"{"records":[{"topic":"a","data":1},7]}"#, "InvalidRequest", "Record 1"),
            (#"{"records":[{"data":1}]}"#, "InvalidRequest", "Record 0"),
            (#"{"records":[{"topic":"a"}]}"#, "InvalidRequest", "Record 0"),
            (#"{"records":[{"topic":"","data":1}]}"#, "InvalidTopic", "Record 0"),
            (#"{"records":[{"topic":"a","data":1,"contentType":7}]}"#, "InvalidRequest", "Record 0"),
            (#"{"records":[{"topic":"a","data":1,"contentType":"text/plain"}]}"#, "InvalidRequest", "Record 0"),
            (#"{"records":[{"topic":"a","data":"x","contentType":"image/png"}]}"#, "InvalidRequest", "Record 0"),
            (#"{"records":[{"topic":"a","data":"?","encoding":"base64"}]}"#, "InvalidRequest", "Record 0"),
            (#"{"records":[{"topic":"a","data":"e30","encoding":"hex"}]}"#, "InvalidRequest", "Record 0"),
            (#"{"records":[{"topic":"a","data":"ew==","encoding":"base64"}]}"#, "InvalidJSON", "Record 0"),
            (#"{"records":[{"topic":"a","data":"123456789012345678901"}]}"#, "PayloadTooLarge", "Record 0"),
            ("{", "InvalidJSON", ""),
        ]
    )
    func faulty(body: String, code: String, prefix: String) throws {
        let error = try #require(throws: APIError.self) { try drafts(body) }
        #expect(error.code.rawValue == code)
        #expect(error.message.hasPrefix(prefix))
    }

    @Test("a batch has a largest number of records")
    func tooMany() {
        let record = #"{"topic":"a","data":1}"#
        let body = "{\"records\":[" + Array(repeating: record, count: 1_001).joined(separator: ",") + "]}"
        #expect(throws: APIError.self) { try drafts(body) }
    }
}

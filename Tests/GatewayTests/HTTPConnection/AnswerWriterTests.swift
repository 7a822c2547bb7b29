import NIOCore
import SluiceCore
import Testing

@testable import Gateway

@Suite("AnswerWriter")
struct AnswerWriterTests {
    private func text(_ answer: PublishAnswer, closing: Bool = false) -> String {
        var writer = AnswerWriter(logID: 1)
        var buffer = ByteBuffer()
        var framing = AnswerFraming()
        if closing { framing.connection = .close }
        writer.write(answer, framing, to: &buffer)
        return String(buffer: buffer)
    }

    @Test("the announced length is the body's", arguments: [1, 9, 10, 18_446_744_073_709_551_615] as [UInt64])
    func length(sequence: UInt64) throws {
        for answer in [
            PublishAnswer.accepted(SequenceNumber(sequence)), .acceptedBatch([SequenceNumber(sequence), .none]),
        ] {
            let parts = text(answer).split(separator: "\r\n\r\n", maxSplits: 1)
            #expect(parts[0].contains("content-length: \(parts[1].utf8.count)"))
        }
    }

    @Test("a batch's answer has its records in order")
    func batch() {
        #expect(
            text(.acceptedBatch([SequenceNumber(3), SequenceNumber(4)])).hasSuffix(
                #"{"records":[{"sequence":3,"recordId":"00000001-3"},{"sequence":4,"recordId":"00000001-4"}]}"#
            )
        )
    }

    @Test("an error's answer has its status, fields and body")
    func refusal() {
        let answer = text(.refused(APIError(.unauthorized, "No \"token\".")), closing: true)
        #expect(answer.hasPrefix("HTTP/1.1 401 Unauthorized\r\n"))
        #expect(answer.contains("\r\nwww-authenticate: Bearer\r\n"))
        #expect(answer.contains("\r\nconnection: close\r\n"))
        #expect(answer.hasSuffix(#"{"error":{"code":"Unauthorized","message":"No \"token\"."}}"#))
        #expect(
            text(.refused(APIError(.payloadTooLarge, ""), status: 431)).hasPrefix(
                "HTTP/1.1 431 Request Header Fields Too Large\r\n"
            )
        )
    }

    @Test(
        "the date is that of RFC 9110",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] as [(UInt64, String)]
    )
    func date(seconds: UInt64, text: String) {
        var date = HTTPDate()
        let bytes = date.text(wallSeconds: seconds)
        #expect(String(decoding: bytes, as: UTF8.self) == text)
    }
}

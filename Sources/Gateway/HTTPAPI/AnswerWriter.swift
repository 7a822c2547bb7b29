import NIOCore
import NIOHTTP1
import SluiceCore

/// Writes answers as bytes, head and body in one buffer.
struct AnswerWriter {
    private let recordIDPrefix: String
    private var date = HTTPDate()

    /// Makes a writer of answers whose record ids carry `logID`.
    init(logID: UInt32) {
        // "5f2a91c0-": made once, a record id then is this and the sequence number.
        recordIDPrefix = String(RecordID(logID: logID, sequence: .none).description.dropLast())
    }

    /// Appends `answer`.
    ///
    /// `closing`: tell the client that the connection ends here.
    mutating func write(_ answer: PublishAnswer, closing: Bool, to buffer: inout ByteBuffer) {
        switch answer {
        case .accepted(let sequence):
            let digits = String(sequence.rawValue)
            let length = AnswerWriter.recordOverhead + recordIDPrefix.utf8.count + 2 * digits.utf8.count
            buffer.reserveCapacity(minimumWritableBytes: 192 + length)
            writeHead("202 Accepted", length: length, closing: closing, to: &buffer)
            writeRecord(digits, to: &buffer)
        case .acceptedBatch(let sequences):
            var body = ByteBuffer()
            body.reserveCapacity(16 + 64 * sequences.count)
            body.writeStaticString(#"{"records":["#)
            for (index, sequence) in sequences.enumerated() {
                if index > 0 { body.writeStaticString(",") }
                writeRecord(String(sequence.rawValue), to: &body)
            }
            body.writeStaticString("]}")
            writeHead("202 Accepted", length: body.readableBytes, closing: closing, to: &buffer)
            buffer.writeBuffer(&body)
        case .refused(let error, let status, _):
            writeRefusal(error, status ?? error.code.httpStatus, closing: closing, to: &buffer)
        }
    }

    private mutating func writeRefusal(
        _ error: APIError,
        _ status: Int,
        closing: Bool,
        to buffer: inout ByteBuffer
    ) {
        let body = error.json
        let line = "\(status) \(HTTPResponseStatus(statusCode: status).reasonPhrase)"
        var fields = error.code.answerFields.map { "\($0.name): \($0.value)\r\n" }.joined()
        fields += "cache-control: no-store\r\n"
        writeHead(line, fields: fields, length: body.count, closing: closing, to: &buffer)
        buffer.writeBytes(body)
    }

    private mutating func writeHead(
        _ status: String,
        fields: String = "",
        length: Int,
        closing: Bool,
        to buffer: inout ByteBuffer
    ) {
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeString(status)
        buffer.writeStaticString("\r\ncontent-type: application/json\r\nx-content-type-options: nosniff\r\ndate: ")
        buffer.writeBytes(date.text(wallSeconds: StageClock.wallNanoseconds() / 1_000_000_000))
        buffer.writeStaticString("\r\n")
        if !fields.isEmpty { buffer.writeString(fields) }
        if closing { buffer.writeStaticString("connection: close\r\n") }
        buffer.writeStaticString("content-length: ")
        buffer.writeString(String(length))
        buffer.writeStaticString("\r\n\r\n")
    }

    private static let recordOverhead = #"{"sequence":,"recordId":""}"#.utf8.count

    private func writeRecord(_ digits: String, to buffer: inout ByteBuffer) {
        buffer.writeStaticString(#"{"sequence":"#)
        buffer.writeString(digits)
        buffer.writeStaticString(#","recordId":""#)
        buffer.writeString(recordIDPrefix)
        buffer.writeString(digits)
        buffer.writeStaticString(#""}"#)
    }
}

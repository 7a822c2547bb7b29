import Glibc
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
    mutating func write(_ answer: PublishAnswer, _ framing: AnswerFraming, to buffer: inout ByteBuffer) {
        switch answer {
        case .accepted(let sequence):
            let digits = String(sequence.rawValue)
            let length = AnswerWriter.recordOverhead + recordIDPrefix.utf8.count + 2 * digits.utf8.count
            buffer.reserveCapacity(minimumWritableBytes: 192 + length)
            writeHead("202 Accepted", length: length, framing, to: &buffer)
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
            writeHead("202 Accepted", length: body.readableBytes, framing, to: &buffer)
            buffer.writeBuffer(&body)
        case .refused(let error, let status, _):
            writeRefusal(error, status ?? error.code.httpStatus, framing, to: &buffer)
        }
    }

    private mutating func writeRefusal(
        _ error: APIError,
        _ status: Int,
        _ framing: AnswerFraming,
        to buffer: inout ByteBuffer
    ) {
        let body = error.json
        let line = "\(status) \(HTTPResponseStatus(statusCode: status).reasonPhrase)"
        var fields = error.answerFields.map { "\($0.name): \($0.value)\r\n" }.joined()
        fields += "cache-control: no-store\r\n"
        writeHead(line, fields: fields, length: body.count, framing, to: &buffer)
        if framing.body == .written { buffer.writeBytes(body) }
    }

    private mutating func writeHead(
        _ status: String,
        fields: String = "",
        length: Int,
        _ framing: AnswerFraming,
        to buffer: inout ByteBuffer
    ) {
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeString(status)
        buffer.writeStaticString("\r\ncontent-type: application/json\r\nx-content-type-options: nosniff\r\ndate: ")
        buffer.writeBytes(date.text(wallSeconds: StageClock.wallNanoseconds() / 1_000_000_000))
        buffer.writeStaticString("\r\n")
        if !fields.isEmpty { buffer.writeString(fields) }
        if let crossOrigin = framing.crossOrigin { write(crossOrigin, to: &buffer) }
        writeConnection(framing, to: &buffer)
        buffer.writeStaticString("content-length: ")
        buffer.writeString(String(length))
        buffer.writeStaticString("\r\n\r\n")
    }

    private func write(_ crossOrigin: CrossOrigin, to buffer: inout ByteBuffer) {
        for (name, value) in crossOrigin.fields { buffer.writeString("\(name): \(value)\r\n") }
    }

    private func writeConnection(_ framing: AnswerFraming, to buffer: inout ByteBuffer) {
        switch framing.connection {
        case .unsaid: break
        case .close: buffer.writeStaticString("connection: close\r\n")
        case .keepAlive: buffer.writeStaticString("connection: keep-alive\r\n")
        }
    }

    // MARK: - Routed answers

    /// Appends the head of a routed answer.
    /// - Returns: how its body follows.
    mutating func write(_ head: RoutedHead, _ framing: AnswerFraming, to buffer: inout ByteBuffer) -> RoutedTransfer {
        buffer.writeStaticString("HTTP/1.1 ")
        buffer.writeString(String(head.status))
        buffer.writeStaticString(" ")
        buffer.writeString(HTTPResponseStatus(statusCode: head.status).reasonPhrase)
        buffer.writeStaticString("\r\n")
        for (name, value) in head.fields {
            buffer.writeString(name)
            buffer.writeStaticString(": ")
            buffer.writeString(value)
            buffer.writeStaticString("\r\n")
        }
        // Routes of the embedding server may have said so themselves.
        if let crossOrigin = framing.crossOrigin, !head.saysOrigin { write(crossOrigin, to: &buffer) }
        buffer.writeStaticString("date: ")
        buffer.writeBytes(date.text(wallSeconds: StageClock.wallNanoseconds() / 1_000_000_000))
        buffer.writeStaticString("\r\n")
        writeConnection(framing, to: &buffer)
        var transfer = RoutedTransfer.plain
        if let length = head.length {
            buffer.writeStaticString("content-length: ")
            buffer.writeString(String(length))
            buffer.writeStaticString("\r\n")
        } else if head.mayHaveBody, framing.version == .http1_1 {
            buffer.writeStaticString("transfer-encoding: chunked\r\n")
            transfer = .chunked
        }
        buffer.writeStaticString("\r\n")
        return framing.body == .written && head.mayHaveBody ? transfer : .leftOut
    }

    /// Appends the answer that makes a WebSocket of the connection.
    func writeSwitch(_ fields: HTTPHeaders, to buffer: inout ByteBuffer) {
        buffer.writeStaticString("HTTP/1.1 101 Switching Protocols\r\n")
        for (name, value) in fields {
            buffer.writeString(name)
            buffer.writeStaticString(": ")
            buffer.writeString(value)
            buffer.writeStaticString("\r\n")
        }
        buffer.writeStaticString("\r\n")
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

/// The answer to a publish, before it is written out.
enum PublishAnswer: Equatable {
    /// The record is committed.
    case accepted(SequenceNumber)
    /// All records of the batch are committed, in one commit.
    case acceptedBatch([SequenceNumber])
    /// Nothing was stored. `status` replaces the code's own; `closes`: the rest of the request can't be read.
    case refused(APIError, status: Int? = nil, closes: Bool = false)

    /// Whether the connection can't be used after this answer.
    var closes: Bool {
        if case .refused(_, _, let closes) = self { closes } else { false }
    }
}

/// The `Date` field (RFC 9110, section 5.6.7), made anew only when the second changes.
struct HTTPDate {
    private var seconds: UInt64 = .max
    private var bytes: [UInt8] = []

    /// The text for a moment, seconds since 1970.
    mutating func text(wallSeconds: UInt64) -> [UInt8] {
        if wallSeconds != seconds {
            seconds = wallSeconds
            bytes = HTTPDate.format(wallSeconds)
        }
        return bytes
    }

    private static func format(_ wallSeconds: UInt64) -> [UInt8] {
        var seconds = time_t(clamping: wallSeconds)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        // The process keeps the C locale, whose names are those of the field.
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            let count = strftime(text.baseAddress, text.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
            return text.prefix(count).map(UInt8.init(bitPattern:))
        }
    }
}

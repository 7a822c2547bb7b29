package import SluiceCore

/// The body of `POST /topics`: `{"records":[{"topic":"a","data":…,"contentType":…,"encoding":"base64"}…]}`.
enum BatchRequest {
    /// The records that the body names, in its order.
    /// - Throws: `InvalidJSON`, `InvalidRequest`, `InvalidTopic` or `PayloadTooLarge`; the message names the record by
    ///   its index.
    static func drafts(
        _ body: [UInt8],
        _ acceptedAtNanoseconds: UInt64,
        payloadBytes: Int
    ) throws(APIError) -> [RecordDraft] {
        let members = try JSONValue.asked(for: ["records"], in: body)
        guard let records = members?[0]?.elements(upTo: Limits.batchRecords) else {
            throw APIError(
                .invalidRequest,
                #"The body has no array "records": send {"records":[{"topic":"a","data":1}]}."#
            )
        }
        guard (1...Limits.batchRecords).contains(records.count) else {
            let count = records.isEmpty ? "none" : "more"
            throw APIError(.invalidRequest, "A batch has 1 to \(Limits.batchRecords) records; this one has \(count).")
        }
        var drafts: [RecordDraft] = []
        drafts.reserveCapacity(records.count)
        for (index, record) in records.enumerated() {
            do throws(APIError) {
                drafts.append(try draft(record, acceptedAtNanoseconds, payloadBytes: payloadBytes))
            } catch {
                throw APIError(error.code, "Record \(index) of the batch: \(error.message)")
            }
        }
        return drafts
    }

    private static let names: [ByteString] = ["topic", "data", "contentType", "encoding"]

    private static func draft(
        _ record: JSONValue,
        _ acceptedAtNanoseconds: UInt64,
        payloadBytes: Int
    ) throws(APIError) -> RecordDraft {
        guard let members = try record.asked(for: names) else {
            throw APIError(.invalidRequest, "It is not an object.")
        }
        let (topic, data, type, encoding) = (members[0], members[1], members[2], members[3])
        guard let name = topic?.string else { throw APIError(.invalidRequest, #"It has no string "topic"."#) }
        guard let data else { throw APIError(.invalidRequest, #"It has no "data"."#) }
        let contentType = try PayloadRules.contentType(try string(type, "contentType")?.string)
        let payload = try MessageData.payload(data, contentType, encoding: try string(encoding, "encoding"))
        guard payload.count <= payloadBytes else {
            throw APIError(.payloadTooLarge, "Its payload has \(payload.count) bytes and the limit is \(payloadBytes).")
        }
        return RecordDraft(
            topic: try Topic(asked: name),
            payload: payload,
            contentType: contentType,
            acceptedAtNanoseconds: acceptedAtNanoseconds
        )
    }

    private static func string(_ value: JSONValue?, _ name: String) throws(APIError) -> ByteString? {
        guard let value, value.kind != .null else { return nil }
        guard let string = value.byteString else { throw APIError(.invalidRequest, "Its \"\(name)\" is not a string.") }
        return string
    }
}

/// The member `data` of a JSON message that publishes, turned into the payload's bytes.
package enum MessageData {
    /// The payload that `data` stands for: any JSON value for a JSON type, a string for a text type, base64 for a
    /// binary one.
    /// - Throws: `InvalidRequest` when `data` isn't what the content type wants.
    package static func payload(
        _ data: JSONValue,
        _ contentType: ContentType,
        encoding: ByteString?
    ) throws(APIError) -> [UInt8] {
        switch encoding {
        case nil: break
        case "base64":
            guard let text = data.string, let payload = Base64.decode(text.utf8) else {
                throw APIError(.invalidRequest, "The data is not a base64 string (RFC 4648, section 4, with padding).")
            }
            try PayloadRules.check(payload, contentType)
            return payload
        case let other?:
            throw APIError(
                .invalidRequest,
                "The encoding '\(other.string.printable(limit: 40))' is not known: leave it out or use 'base64'."
            )
        }
        switch contentType.embedding {
        case .json:
            return Array(data.bytes)
        case .text:
            guard let text = data.string else {
                throw APIError(.invalidRequest, "The data of the text type \(contentType) must be a JSON string.")
            }
            return Array(text.utf8)
        case .binary:
            throw APIError(
                .invalidRequest,
                "The data of the binary type \(contentType) must be base64 in a string, with \"encoding\":\"base64\"."
            )
        }
    }
}

/// What a payload must be, whichever way it was published.
package enum PayloadRules {
    /// Takes a media type over.
    /// - Throws: `InvalidRequest` when it is too long or not printable ASCII.
    package static func contentType(_ value: String?) throws(APIError) -> ContentType {
        guard let value, !ByteString(value).equals("application/json") else { return .json }
        guard (1...Limits.contentTypeBytes).contains(value.utf8.count),
            value.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
        else {
            throw APIError(
                .invalidRequest,
                "The content type '\(value.printable(limit: 40))' isn't 1 to \(Limits.contentTypeBytes) printable ASCII bytes."
            )
        }
        return ContentType(value)
    }

    /// Takes a media type over from a request's bytes.
    /// - Throws: `InvalidRequest` when it is too long or not printable ASCII.
    static func contentType(_ bytes: Slice<UnsafeRawBufferPointer>?) throws(APIError) -> ContentType {
        // The usual type without a string.
        guard let bytes, !bytes.elementsEqual("application/json".utf8) else { return .json }
        return try contentType(String(decoding: bytes, as: UTF8.self))
    }

    /// Checks that a payload is what its type says, so that it can be spliced into an event unread.
    /// - Throws: `InvalidJSON`.
    package static func check(_ payload: [UInt8], _ contentType: ContentType) throws(APIError) {
        guard contentType.embedding == .json, !payload.withUnsafeBytes({ JSONText.isValid($0) }) else { return }
        throw APIError(
            .invalidJSON,
            """
            The payload of \(payload.count) bytes is not JSON in UTF-8 (or is nested deeper than \(Limits.jsonDepth)). \
            Send JSON, or the content type that the payload has.
            """
        )
    }
}

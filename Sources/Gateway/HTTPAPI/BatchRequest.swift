import SluiceCore

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
        guard let records = try JSONValue(body)["records"]?.elements else {
            throw APIError(
                .invalidRequest,
                #"The body has no array "records": send {"records":[{"topic":"a","data":1}]}."#
            )
        }
        guard (1...Limits.batchRecords).contains(records.count) else {
            throw APIError(.invalidRequest, "A batch has 1 to \(Limits.batchRecords) records, not \(records.count).")
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

    private static func draft(
        _ record: JSONValue,
        _ acceptedAtNanoseconds: UInt64,
        payloadBytes: Int
    ) throws(APIError) -> RecordDraft {
        guard let members = record.members else { throw APIError(.invalidRequest, "It is not an object.") }
        var topic: JSONValue?
        var data: JSONValue?
        var type: JSONValue?
        var encoding: JSONValue?
        for member in members {
            switch member.key {
            case "topic": topic = member.value
            case "data": data = member.value
            case "contentType": type = member.value
            case "encoding": encoding = member.value
            default: break
            }
        }
        guard let name = topic?.string else { throw APIError(.invalidRequest, #"It has no string "topic"."#) }
        guard let data else { throw APIError(.invalidRequest, #"It has no "data"."#) }
        let contentType = try PayloadRules.contentType(try string(type, "contentType"))
        let payload = try MessageData.payload(data, contentType, encoding: try string(encoding, "encoding"))
        guard payload.count <= payloadBytes else {
            throw APIError(.payloadTooLarge, "Its payload has \(payload.count) bytes and the limit is \(payloadBytes).")
        }
        return RecordDraft(
            topic: try Topic(name),
            payload: payload,
            contentType: contentType,
            acceptedAtNanoseconds: acceptedAtNanoseconds
        )
    }

    private static func string(_ value: JSONValue?, _ name: String) throws(APIError) -> String? {
        guard let value, value.kind != .null else { return nil }
        guard let string = value.string else { throw APIError(.invalidRequest, "Its \"\(name)\" is not a string.") }
        return string
    }
}

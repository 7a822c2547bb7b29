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

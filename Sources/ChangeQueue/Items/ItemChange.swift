import SluiceCore

/// What an ``ItemWrite`` means for the item that is stored: decided without touching the log.
struct ItemChange {
    let operation: ChangeOperation
    /// The item's content from now on; nil when it is removed.
    let content: (value: [UInt8], contentType: ContentType)?
    /// The change record.
    let draft: RecordDraft

    /// Decides; nil when there is no item to delete.
    /// - Throws: `invalidItem` when the content can't be stored or the patch doesn't apply, `payloadTooLarge`, and what
    ///   the write's topic rule throws as `rejected`.
    static func decide(
        _ write: ItemWrite,
        existing: StoredItem?,
        maximumPayloadBytes: Int
    ) throws(ChangeQueueError) -> ItemChange? {
        let content = try content(of: write, existing)
        if content == nil, existing == nil { return nil }
        if let content, content.value.count > maximumPayloadBytes {
            throw ChangeQueueError(
                .payloadTooLarge,
                "The item has \(content.value.count) bytes and the limit is \(maximumPayloadBytes)."
            )
        }
        let operation: ChangeOperation = content == nil ? .remove : existing == nil ? .insert : .modify
        let topic: Topic
        do throws(APIError) { topic = try write.topic(operation) } catch {
            throw ChangeQueueError(.rejected(error), error.message)
        }
        let draft = RecordDraft(
            topic: topic,
            payload: payload(write, operation, content, existing),
            contentType: .json,
            attributes: RecordAttributes(operation: operation, table: write.table, itemKey: write.key),
            acceptedAtNanoseconds: write.acceptedAtNanoseconds
        )
        return ItemChange(operation: operation, content: content, draft: draft)
    }

    private static func content(
        of write: ItemWrite,
        _ existing: StoredItem?
    ) throws(ChangeQueueError) -> (value: [UInt8], contentType: ContentType)? {
        switch write.operation {
        case .put(let value, let contentType):
            // The content is spliced into the change record, so it must be what its type says.
            guard contentType.embedding != .json || JSONText.isValid(value) else {
                throw ChangeQueueError(
                    .invalidItem,
                    "The item's type is \(contentType.value.printable(limit: 80)), its content isn't JSON."
                )
            }
            guard contentType.value.utf8.count <= Limits.contentTypeBytes else {
                throw ChangeQueueError(
                    .invalidItem,
                    "The item's media type is longer than \(Limits.contentTypeBytes) bytes."
                )
            }
            return (value, contentType)
        case .patch(let patch):
            return (try patched(existing, with: patch), existing?.contentType ?? .json)
        case .delete:
            return nil
        }
    }

    private static func patched(_ existing: StoredItem?, with bytes: [UInt8]) throws(ChangeQueueError) -> [UInt8] {
        let patch = try json(bytes, "The patch")
        guard let existing else { return JSONMergePatch.apply(patch, to: nil) }
        guard existing.contentType.embedding == .json else {
            throw ChangeQueueError(
                .invalidItem,
                """
                The item's type is \(existing.contentType.value.printable(limit: 80)); \
                a merge patch applies to JSON only. Use PUT.
                """
            )
        }
        return JSONMergePatch.apply(patch, to: try json(existing.value, "The stored item"))
    }

    private static func json(_ bytes: [UInt8], _ what: String) throws(ChangeQueueError) -> JSONValue {
        do throws(APIError) { return try JSONValue(bytes) } catch {
            throw ChangeQueueError(.invalidItem, "\(what) isn't JSON: \(error.message)")
        }
    }

    /// The change record's JSON, with the images that are asked for.
    ///
    /// ```
    /// {"operation":"MODIFY","table":"t","key":"k"
    ///  [,"new":…][,"newEncoding":"base64"][,"old":…][,"oldEncoding":"base64"]}
    /// ```
    private static func payload(
        _ write: ItemWrite,
        _ operation: ChangeOperation,
        _ content: (value: [UInt8], contentType: ContentType)?,
        _ existing: StoredItem?
    ) -> [UInt8] {
        var output = Array(#"{"operation":""#.utf8)
        output.append(contentsOf: operation.rawValue.utf8)
        output.append(contentsOf: #"","table":"#.utf8)
        JSONText.appendString(write.table, to: &output)
        output.append(contentsOf: #","key":"#.utf8)
        JSONText.appendString(write.key, to: &output)
        if write.image.includesNew, let content { append("new", content.value, content.contentType, &output) }
        if write.image.includesOld, let existing { append("old", existing.value, existing.contentType, &output) }
        output.append(UInt8(ascii: "}"))
        return output
    }

    private static func append(_ name: String, _ value: [UInt8], _ contentType: ContentType, _ output: inout [UInt8]) {
        output.append(contentsOf: ",\"\(name)\":".utf8)
        if JSONText.appendPayload(value, contentType, to: &output) {
            output.append(contentsOf: ",\"\(name)Encoding\":\"base64\"".utf8)
        }
    }
}

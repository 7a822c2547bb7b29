package import SluiceCore

/// What an ``ItemWrite`` means for the item that is stored: decided without touching the log.
package struct ItemChange {
    package let operation: ChangeOperation
    /// The item's content from now on; nil when it is removed.
    package let content: ItemContent?
    /// The change record.
    package let draft: RecordDraft

    /// Most bytes of item and patch together that are worked out in the log's transaction, in which every other writer waits.
    package static let mergedInTransactionBytes = 64 * 1024

    /// Decides; nil when there is no item to delete.
    /// - Throws: `invalidItem` when the patch doesn't apply, `payloadTooLarge`, `itemChanged` when the item isn't what the
    ///   write was made for, and `invalidTopic` when the write's rule gives it none.
    package static func decide(
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
        do throws(TopicError) { topic = try write.topic(operation) } catch {
            throw ChangeQueueError(.invalidTopic, error.message)
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
    ) throws(ChangeQueueError) -> ItemContent? {
        switch write.operation {
        case .put(let content):
            return content
        case .replace(let content, let version):
            guard existing?.version ?? .none == version else { throw changed(write) }
            return content
        case .patch(let patch):
            guard isMergedInTransaction(patch, existing) else { throw changed(write) }
            return try patched(existing, with: patch)
        case .delete:
            return nil
        }
    }

    /// Whether a patch is small enough to be worked out in the log's transaction.
    package static func isMergedInTransaction(_ patch: JSONMergePatch, _ existing: StoredItem?) -> Bool {
        patch.byteCount + (existing?.value.count ?? 0) <= mergedInTransactionBytes
    }

    /// The content of an item once it is patched.
    /// - Throws: `invalidItem` when it isn't JSON.
    package static func patched(
        _ existing: StoredItem?,
        with patch: JSONMergePatch
    ) throws(ChangeQueueError) -> ItemContent {
        guard let existing else { return ItemContent(alreadyChecked: patch.applied(to: nil), .json) }
        guard existing.contentType.embedding == .json else {
            throw ChangeQueueError(
                .invalidItem,
                """
                The item's type is \(existing.contentType.value.printable(limit: 80)); \
                a merge patch applies to JSON only. Use PUT.
                """
            )
        }
        let stored = JSONValue(alreadyChecked: existing.value)
        return ItemContent(alreadyChecked: patch.applied(to: stored), existing.contentType)
    }

    private static func changed(_ write: ItemWrite) -> ChangeQueueError {
        ChangeQueueError(
            .itemChanged,
            "The item '\(write.key.printable(limit: 80))' was changed while its change was worked out. Try again."
        )
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
        _ content: ItemContent?,
        _ existing: StoredItem?
    ) -> [UInt8] {
        JSONWriter.object { json in
            json.member("operation", operation.rawValue)
            json.member("table", write.table)
            json.member("key", write.key)
            if write.image.includesNew, let content { append("new", content.value, content.contentType, &json) }
            if write.image.includesOld, let existing { append("old", existing.value, existing.contentType, &json) }
        }
    }

    private static func append(
        _ name: String,
        _ value: [UInt8],
        _ contentType: ContentType,
        _ json: inout JSONWriter
    ) {
        json.name(name)
        if json.payload(value, contentType) { json.member("\(name)Encoding", "base64") }
    }
}

import SluiceCore

/// What a request must keep to before it comes near the log.
package struct AppendLimits: Sendable {
    let maximumPayloadBytes: Int

    /// The limits of a log.
    package init(maximumPayloadBytes: Int) { self.maximumPayloadBytes = maximumPayloadBytes }

    /// Why the whole request is refused; nil when it may go on.
    package func violation(in request: AppendRequest) -> ChangeQueueError? {
        switch request {
        case .item, .messages: return nil
        case .records(let drafts, _):
            for draft in drafts {
                if let violation = violation(in: draft) { return violation }
            }
            return nil
        }
    }

    private func violation(in draft: RecordDraft) -> ChangeQueueError? {
        if draft.payload.count > maximumPayloadBytes {
            return ChangeQueueError(
                .payloadTooLarge,
                "The payload has \(draft.payload.count) bytes and the limit is \(maximumPayloadBytes)."
            )
        }
        if draft.topic.name.utf8.count > Limits.topicBytes || draft.topic.name.isEmpty {
            return tooLong("topic", draft.topic.name, Limits.topicBytes)
        }
        if draft.contentType.value.utf8.count > Limits.contentTypeBytes {
            return tooLong("content type", draft.contentType.value, Limits.contentTypeBytes)
        }
        if draft.attributes == .none { return nil }
        let attributes = draft.attributes
        let taggedBytes = attributes.taggedByteCount
        if taggedBytes > Limits.taggedAttributesBytes {
            return ChangeQueueError(
                .invalidRecord,
                "The record's tagged attributes have \(taggedBytes) bytes; the limit is \(Limits.taggedAttributesBytes)."
            )
        }
        for (name, value) in [("table", attributes.table), ("item key", attributes.itemKey)] {
            if let value, value.utf8.count > Limits.attributeBytes {
                return tooLong(name, value, Limits.attributeBytes)
            }
        }
        return nil
    }

    private func tooLong(_ part: String, _ value: String, _ limit: Int) -> ChangeQueueError {
        ChangeQueueError(
            .invalidRecord,
            "The record's \(part) '\(value.printable(limit: 40))' has \(value.utf8.count) bytes; the limit is \(limit)."
        )
    }
}

import QueueEngine
import SluiceCore

/// Batch requests: their entries, and answers of which parts may have failed.
enum SQSBatch {
    /// One entry of a request.
    struct Entry {
        let id: String
        let input: SQSInput
    }

    /// An entry that failed alone.
    struct Failure {
        let id: String
        let error: SQSError
    }

    /// The entries of a batch: one to ten, each with an id of its own (API reference, "SendMessageBatch").
    static func entries(of input: SQSInput) throws(SQSError) -> [Entry] {
        let prefix = "AWS.SimpleQueueService."
        guard let objects = try input.objects("Entries", maximum: 10), !objects.isEmpty else {
            throw SQSError("EmptyBatchRequest", query: prefix + "EmptyBatchRequest", "The batch has no entries.")
        }
        guard objects.count <= 10 else {
            throw SQSError(
                "TooManyEntriesInBatchRequest",
                query: prefix + "TooManyEntriesInBatchRequest",
                "A batch has at most 10 entries."
            )
        }
        var entries: [Entry] = []
        for object in objects {
            let id = try object.requiredText("Id")
            let isValid =
                (1...80).contains(id.utf8.count)
                && id.utf8.allSatisfy { QueueID.isNameByte($0) && $0 != UInt8(ascii: ".") }
            guard isValid else {
                throw SQSError(
                    "InvalidBatchEntryId",
                    query: prefix + "InvalidBatchEntryId",
                    "An entry's Id has 1 to 80 letters, digits, '-' and '_'."
                )
            }
            guard !entries.contains(where: { ByteString($0.id) == ByteString(id) }) else {
                throw SQSError(
                    "BatchEntryIdsNotDistinct",
                    query: prefix + "BatchEntryIdsNotDistinct",
                    "The Id \(id) stands there twice."
                )
            }
            entries.append(Entry(id: id, input: object))
        }
        return entries
    }

    /// The answer: what succeeded, and what failed with its reason.
    static func results(_ failed: [Failure], _ successful: (inout JSONWriter) -> Void) -> [UInt8] {
        JSONWriter.object { json in
            json.name("Successful")
            json.array(successful)
            json.name("Failed")
            json.array { json in
                for failure in failed {
                    json.object { json in
                        json.member("Id", failure.id)
                        json.member("SenderFault", !failure.error.isServerFault)
                        json.member("Code", failure.error.shape)
                        json.member("Message", failure.error.message)
                    }
                }
            }
        }
    }
}
